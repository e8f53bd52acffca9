#include "store/sqlite/record_source.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "store/bar_tables.hpp"
#include "store/sqlite/feature_rows.hpp"
#include "store/sqlite/instrument_archive.hpp"
#include "store/sqlite/read_pool.hpp"
#include "store/sqlite/read_rows.hpp"
#include "store/token_book.hpp"
#include "store/token_list.hpp"

namespace artham::store::sqlite {

namespace {

std::int64_t count_of(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX));
}

/// ?1 to ?9: the ends, the window, the limit.
void bind_range(SQLite::Statement& s, const record_range& r) {
  int n = 1;
  for (const auto& c : {r.after, r.before}) {
    s.bind(n++, c.at.epoch);
    s.bind(n++, static_cast<std::int64_t>(c.at.seq));
    s.bind(n++, c.ordinal);
  }
  s.bind(7, static_cast<std::int64_t>(r.seq_above));
  s.bind(8, static_cast<std::int64_t>(r.seq_upto));
  s.bind(9, count_of(r.limit));
}

constexpr std::string_view causes_in_range =
    "(cause_epoch, cause_seq, cause_ordinal) > (?1, ?2, ?3) AND (cause_epoch, cause_seq, "
    "cause_ordinal) < (?4, ?5, ?6) AND cause_seq > ?7 AND cause_seq <= ?8";
constexpr std::string_view by_cause = " ORDER BY cause_epoch, cause_seq, cause_ordinal LIMIT ?9";

class sqlite_records final : public record_source {
 public:
  explicit sqlite_records(const std::filesystem::path& file) : pool_(file) {}

  [[nodiscard]] std::uint32_t shards_of_ticks() const override { return 1; }

  result<std::vector<stored_position>> positions() override {
    return pool_.with([](SQLite::Database& db) -> result<std::vector<stored_position>> {
      return read_positions(db);
    });
  }

  /// Rows stay for ever.
  result<market::timestamp> kept_since(std::string_view) override { return 0; }

  result<std::vector<record::bar_record>> bars_between(market::timeframe tf,
                                                       std::span<const std::uint32_t> tokens,
                                                       const record_range& r) override {
    return pool_.with([&](SQLite::Database& db) -> result<std::vector<record::bar_record>> {
      SQLite::Statement s(db, "SELECT " + std::string(bar_columns_of_record) + " FROM " +
                                  bar_table(tf) + " WHERE " + std::string(causes_in_range) +
                                  " AND instrument_token IN (" + joined(tokens) + ")" +
                                  std::string(by_cause));
      bind_range(s, r);
      std::vector<record::bar_record> found;
      while (s.executeStep()) found.push_back(read_bar(s));
      return found;
    });
  }

  result<std::vector<record::feature_record>> chains_between(std::span<const chain_name> chains,
                                                             const record_range& r) override {
    return pool_.with([&](SQLite::Database& db) -> result<std::vector<record::feature_record>> {
      constexpr int first_name = 10;
      std::string names;
      for (std::size_t i = 0; i < chains.size(); ++i) {
        const auto n = first_name + 2 * static_cast<int>(i);
        names += (i == 0 ? "(?" : ", (?") + std::to_string(n) + ", ?" + std::to_string(n + 1) + ")";
      }
      SQLite::Statement s(db, "SELECT chain_id, " + chain_columns + " FROM chain_features WHERE " +
                                  std::string(causes_in_range) +
                                  " AND (underlying, expiry) IN (VALUES " + names + ")" +
                                  std::string(by_cause));
      bind_range(s, r);
      for (std::size_t i = 0; i < chains.size(); ++i) {
        const auto n = first_name + 2 * static_cast<int>(i);
        s.bind(n, chains[i].underlying);
        s.bind(n + 1, chains[i].expiry.days);
      }
      std::vector<record::feature_record> found;
      while (s.executeStep()) {
        auto chain = read_chain(s);
        std::get<market::feature::chain_row>(chain.row).options =
            read_options(db, s.getColumn(0).getInt64());
        found.push_back(std::move(chain));
      }
      return found;
    });
  }

  result<std::vector<stored_tick>> ticks_between(std::span<const std::uint32_t> tokens,
                                                 const record_range& r) override {
    return pool_.with([&](SQLite::Database& db) -> result<std::vector<stored_tick>> {
      const std::string ids = "(SELECT instrument_id FROM instruments WHERE instrument_token IN (" +
                              joined(tokens) + "))";
      SQLite::Statement versions(db, std::string("SELECT ") + instrument_columns +
                                         " FROM instruments WHERE instrument_id IN " + ids +
                                         " ORDER BY instrument_id, valid_from");
      std::vector<stored_instrument> known;
      while (versions.executeStep()) known.push_back(read_instrument(versions));
      const token_book book(known);
      SQLite::Statement s(
          db,
          "SELECT epoch, seq, instrument_id, receive_ts, exchange_ts, last_price, packet FROM "
          "ticks "
          "WHERE (epoch, seq, 0) > (?1, ?2, ?3) AND (epoch, seq, 0) < (?4, ?5, ?6) AND seq > ?7 "
          "AND seq <= ?8 AND instrument_id IN " +
              ids + " ORDER BY seq LIMIT ?9");
      bind_range(s, r);
      std::vector<stored_tick> found;
      while (s.executeStep()) {
        stored_tick t;
        t.at = {s.getColumn(0).getUInt(), static_cast<std::uint64_t>(s.getColumn(1).getInt64())};
        t.receive = s.getColumn(3).getInt64();
        t.exchange = s.getColumn(4).getInt64();
        t.last = {s.getColumn(5).getInt64()};
        const auto packet = s.getColumn(6);
        t.packet.assign(static_cast<const char*>(packet.getBlob()),
                        static_cast<std::size_t>(packet.getBytes()));
        t.token = book.token_of(s.getColumn(2).getInt64(), t.receive, t.packet);
        found.push_back(std::move(t));
      }
      return found;
    });
  }

  result<std::vector<gap_row>> gaps_between(const record_range& r) override {
    return pool_.with([&](SQLite::Database& db) -> result<std::vector<gap_row>> {
      SQLite::Statement s(db,
                          "SELECT from_ts, to_ts, cause, detail, epoch, seq, instrument_tokens "
                          "FROM gaps WHERE (epoch, seq, 0) > (?1, ?2, ?3) AND (epoch, seq, 0) < "
                          "(?4, ?5, ?6) AND seq > ?7 AND seq <= ?8 ORDER BY epoch, seq LIMIT ?9");
      bind_range(s, r);
      std::vector<gap_row> found;
      while (s.executeStep()) found.push_back(read_gap(s));
      return found;
    });
  }

 private:
  read_pool pool_;
};

}  // namespace

std::unique_ptr<record_source> open_records(const std::filesystem::path& file) {
  return std::make_unique<sqlite_records>(file);
}

}  // namespace artham::store::sqlite

#include "store/sqlite/audit.hpp"
#include "store/bar_tables.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>

#include "store/sqlite/connection.hpp"
#include "store/sqlite/feature_rows.hpp"
#include "store/sqlite/instrument_archive.hpp"
#include "store/sqlite/read_rows.hpp"
#include "store/token_book.hpp"

namespace artham::store::sqlite {

namespace {

constexpr int busy_timeout_ms = 5000;

class sqlite_audit final : public audit {
 public:
  explicit sqlite_audit(const std::filesystem::path& file)
      : db_(file.string(), SQLite::OPEN_READONLY, busy_timeout_ms) {
    // One transaction, so that rows and positions belong together.
    db_.exec("BEGIN");
    db_.execAndGet("SELECT COUNT(*) FROM positions");
  }

  result<std::vector<market::timeframe>> timeframes() override {
    return reading([&]() -> result<std::vector<market::timeframe>> {
      SQLite::Statement s(db_, "SELECT name FROM sqlite_master WHERE type = 'table'");
      std::vector<market::timeframe> all;
      while (s.executeStep()) {
        if (const auto tf = timeframe_of_table(s.getColumn(0).getString())) all.push_back(*tf);
      }
      std::ranges::sort(all);
      return all;
    });
  }

  result<void> for_each_bar(market::timeframe tf,
                            const std::function<void(const audited_bar&)>& fn) override {
    return reading([&]() -> result<void> {
      if (!db_.tableExists(bar_table(tf))) return {};
      std::string columns;
      for (std::size_t i = 0; i + 1 < bar_columns.size(); ++i)
        columns += std::string(bar_columns[i]) + ", ";
      SQLite::Statement s(
          db_, "SELECT instrument_token, bar_start_ts, " + columns +
                   "CASE WHEN EXISTS (SELECT 1 FROM instruments AS i WHERE i.instrument_id = "
                   "b.instrument_id AND i.instrument_token = b.instrument_token) THEN NULL ELSE "
                   "instrument_id END FROM " +
                   bar_table(tf) + " AS b ORDER BY 1, 2, 3");
      while (s.executeStep()) {
        audited_bar row;
        row.token = s.getColumn(0).getInt64();
        row.start = s.getColumn(1).getInt64();
        for (std::size_t i = 0; i < row.values.size(); ++i) {
          const auto value = s.getColumn(static_cast<int>(i) + 2);
          if (!value.isNull()) row.values[i] = value.getInt64();
        }
        fn(row);
      }
      return {};
    });
  }

  result<void> for_each_tick(const std::function<void(const tick_row&)>& fn) override {
    return reading([&]() -> result<void> {
      using field = market::bar_input::field;
      const auto versions = instruments();
      if (!versions) return tl::unexpected(versions.error());
      const token_book tokens(*versions);
      SQLite::Statement s(db_,
                          "SELECT seq, epoch, mode, receive_ts, wall_ts, exchange_ts, last_price, "
                          "volume, oi, packet, instrument_id FROM ticks ORDER BY seq");
      while (s.executeStep()) {
        tick_row row;
        auto& core = row.core;
        core.seq = static_cast<std::uint64_t>(s.getColumn(0).getInt64());
        core.epoch = s.getColumn(1).getUInt();
        core.mode = static_cast<market::tick_mode>(s.getColumn(2).getInt());
        row.receive = s.getColumn(3).getInt64();
        row.wall = s.getColumn(4).getInt64();
        core.time = s.getColumn(5).getInt64();
        core.last = {s.getColumn(6).getInt64()};
        core.volume_or_size = s.getColumn(7).getInt64();
        core.oi = s.getColumn(8).getInt64();
        core.fields = static_cast<std::uint8_t>((s.isColumnNull(7) ? 0 : field::volume) |
                                                (s.isColumnNull(8) ? 0 : field::open_interest));
        const auto packet = s.getColumn(9);
        row.packet = {static_cast<const char*>(packet.getBlob()),
                      static_cast<std::size_t>(packet.getBytes())};
        core.token = tokens.token_of(s.getColumn(10).getInt64(), row.receive, row.packet);
        fn(row);
      }
      return {};
    });
  }

  result<feature_rows> chains() override {
    return rows_of("chain_features", "chain_id, " + chain_columns, [this](SQLite::Statement& s) {
      auto r = read_chain(s);
      std::get<market::feature::chain_row>(r.row).options =
          read_options(db_, s.getColumn(0).getInt64());
      return r;
    });
  }

  result<feature_rows> instrument_features() override {
    return rows_of("instrument_features", instrument_feature_columns, read_instrument_feature);
  }

  result<std::vector<quarantine_row>> quarantines() override {
    return reading([&]() -> result<std::vector<quarantine_row>> {
      std::vector<quarantine_row> all;
      // A store of an earlier version has none.
      if (!db_.tableExists("quarantines")) return all;
      SQLite::Statement s(db_,
                          "SELECT epoch, seq, what, actor, instrument_token, at_epoch, at_seq, "
                          "cause_epoch, cause_seq, cause_ordinal, at_ts, error FROM quarantines "
                          "ORDER BY epoch, seq");
      const auto position = [&](int column) {
        return record::position{s.getColumn(column).getUInt(),
                                static_cast<std::uint64_t>(s.getColumn(column + 1).getInt64())};
      };
      while (s.executeStep()) {
        quarantine_row row;
        row.place = position(0);
        auto& l = row.letter;
        l.what = static_cast<record::letter_kind>(s.getColumn(2).getInt());
        l.actor = static_cast<record::letter_actor>(s.getColumn(3).getInt());
        l.token = s.getColumn(4).getUInt();
        l.at = position(5);
        l.cause = {position(7), s.getColumn(9).getUInt()};
        l.time = s.getColumn(10).getInt64();
        l.text = s.getColumn(11).getString();
        all.push_back(std::move(row));
      }
      return all;
    });
  }

  result<std::vector<stored_position>> positions() override {
    return reading([&]() -> result<std::vector<stored_position>> { return read_positions(db_); });
  }

  /// What SQLite would refuse, it refuses with the whole batch.
  result<std::vector<refused_row>> refused() override { return {}; }
  /// Rows stay for ever.
  result<market::timestamp> kept_since(std::string_view) override { return 0; }

  result<std::vector<stored_instrument>> instruments() override {
    return reading([&]() -> result<std::vector<stored_instrument>> {
      SQLite::Statement s(db_, std::string("SELECT ") + instrument_columns +
                                   " FROM instruments ORDER BY instrument_id, valid_from");
      std::vector<stored_instrument> all;
      while (s.executeStep()) all.push_back(read_instrument(s));
      return all;
    });
  }

  result<std::vector<gap_row>> gaps() override {
    return reading([&]() -> result<std::vector<gap_row>> {
      const bool has_tokens =
          db_.execAndGet(
                 "SELECT COUNT(*) FROM pragma_table_info('gaps') WHERE name = 'instrument_tokens'")
              .getInt() != 0;
      SQLite::Statement s(db_, std::string("SELECT from_ts, to_ts, cause, detail, epoch, seq, ") +
                                   (has_tokens ? "instrument_tokens" : "NULL") +
                                   " FROM gaps ORDER BY epoch, seq");
      std::vector<gap_row> all;
      while (s.executeStep()) all.push_back(read_gap(s));
      return all;
    });
  }

  result<void> for_each_candle(const std::function<void(const audited_candle&)>& fn) override {
    return reading([&]() -> result<void> {
      // A store of an earlier version has none.
      if (!db_.tableExists("candles")) return {};
      SQLite::Statement s(db_,
                          "SELECT instrument_token, bar_start_ts, bar_end_ts, open, high, low, "
                          "close, volume, oi, source, timeframe FROM candles ORDER BY source, "
                          "instrument_token, timeframe, bar_start_ts");
      while (s.executeStep()) {
        audited_candle c;
        c.source = s.getColumn(9).getString();
        const auto tf = market::parse_timeframe(s.getColumn(10).getString());
        if (!tf) return tl::unexpected(tf.error());
        c.timeframe = *tf;
        c.bar = read_candle(s);
        fn(c);
      }
      return {};
    });
  }

 private:
  template <class Read>
  result<feature_rows> rows_of(const std::string& table, const std::string& columns, Read read) {
    return reading([&]() -> result<feature_rows> {
      // A store of an earlier version has none.
      if (!db_.tableExists(table))
        return feature_rows([]() -> result<std::optional<record::feature_record>> { return {}; });
      const auto s = std::make_shared<SQLite::Statement>(
          db_, "SELECT " + columns + " FROM " + table +
                   " ORDER BY cause_epoch, cause_seq, cause_ordinal");
      return feature_rows([this, s, read]() -> result<std::optional<record::feature_record>> {
        return reading([&]() -> result<std::optional<record::feature_record>> {
          if (s->isDone() || !s->executeStep()) return std::nullopt;
          return read(*s);
        });
      });
    });
  }

  template <class Fn>
  auto reading(Fn&& fn) -> decltype(fn()) {
    return guarded(db_.getFilename(), std::forward<Fn>(fn));
  }

  SQLite::Database db_;
};

}  // namespace

result<std::unique_ptr<audit>> open_audit(const std::filesystem::path& file) {
  return guarded(file.string(), [&]() -> result<std::unique_ptr<audit>> {
    return std::make_unique<sqlite_audit>(file);
  });
}

}  // namespace artham::store::sqlite

#include "store/postgres/audit.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "store/bar_tables.hpp"
#include "store/postgres/read_pool.hpp"
#include "store/postgres/row_stream.hpp"
#include "store/postgres/server.hpp"
#include "store/postgres/statement.hpp"
#include "store/postgres/stored_rows.hpp"
#include "store/postgres/tick_stream.hpp"
#include "store/postgres/time_tables.hpp"
#include "store/token_book.hpp"

namespace artham::store::postgres {

namespace {

using snapshot =
    pqxx::transaction<pqxx::isolation_level::repeatable_read, pqxx::readwrite_policy::read_only>;

/// Chains whose options are read at once.
constexpr std::size_t chains_at_a_time = 256;

using rows_function = audit::feature_rows;

/// Chains with their options.
class chain_rows {
 public:
  explicit chain_rows(pqxx::transaction_base& t)
      : transaction_(t),
        chains_(t, "chains",
                "SELECT chain_id, " + chain_columns +
                    " FROM artham.chain_features ORDER BY cause_epoch, cause_seq, cause_ordinal",
                chains_at_a_time) {}

  std::optional<record::feature_record> next() {
    if (read_.empty()) read_more();
    if (read_.empty()) return std::nullopt;
    auto first = std::move(read_.front());
    read_.pop_front();
    return first;
  }

 private:
  void read_more() {
    const auto rows = chains_.next_rows();
    if (rows.empty()) return;
    std::string ids = "{";
    std::map<std::int64_t, market::feature::chain_row*> by_id;
    auto from = market::never;
    market::timestamp to = INT64_MIN;
    for (const auto& row : rows) {
      taker in(row);
      const auto id = in.integer();
      read_.push_back(take_chain(in));
      auto& chain = std::get<market::feature::chain_row>(read_.back().row);
      by_id.emplace(id, &chain);
      from = std::min(from, chain.at);
      to = std::max(to, chain.at);
      ids += (ids.size() == 1 ? "" : ",") + std::to_string(id);
    }
    statement s;
    s << "SELECT chain_id, " << option_columns
      << " FROM artham.option_greeks WHERE chain_id = ANY(";
    s.value(ids + "}") << ") AND at_ts >= ";
    s.time(from) << " AND at_ts <= ";
    s.time(to) << " ORDER BY strike, type, instrument_token";
    for (const auto& row : s.run(transaction_)) {
      taker in(row);
      const auto id = in.integer();
      by_id.at(id)->options.push_back(take_option(in));
    }
  }

  pqxx::transaction_base& transaction_;
  row_stream chains_;
  std::deque<record::feature_record> read_;
};

class postgres_audit final : public audit {
 public:
  postgres_audit(std::string place, std::unique_ptr<read_connection> c)
      : place_(std::move(place)), connection_(std::move(c)), transaction_(connection_->raw()) {}

  /// Where the snapshot begins.
  result<void> begin() {
    return reading([&]() -> result<void> {
      // Everything is read, in the end: what begins soonest is not what is through soonest.
      transaction_.exec("SET LOCAL cursor_tuple_fraction = 1; SET LOCAL work_mem = '64MB'");
      if (transaction_.exec1("SELECT to_regclass('artham.positions') IS NULL")[0].as<bool>())
        return fail(errc::not_found, place_ + ": there is no schema artham: nothing was stored");
      for (const auto& row :
           transaction_.exec("SELECT " + instrument_columns +
                             " FROM artham.instruments ORDER BY instrument_id, valid_from")) {
        taker in(row);
        versions_.push_back(take_instrument(in));
      }
      tokens_ = token_book(versions_);
      return {};
    });
  }

  result<std::vector<market::timeframe>> timeframes() override {
    return reading([&]() -> result<std::vector<market::timeframe>> {
      std::vector<market::timeframe> all;
      for (const auto& row : transaction_.exec(
               "SELECT relname FROM pg_class WHERE relnamespace = 'artham'::regnamespace AND "
               "relkind IN ('r', 'p') AND NOT relispartition")) {
        if (const auto tf = timeframe_of_table(taker(row).text())) all.push_back(*tf);
      }
      std::ranges::sort(all);
      return all;
    });
  }

  result<void> for_each_bar(market::timeframe tf,
                            const std::function<void(const audited_bar&)>& fn) override {
    return reading([&]() -> result<void> {
      const auto known = timeframes();
      if (!known) return tl::unexpected(known.error());
      if (std::ranges::count(*known, tf) == 0) return {};
      row_stream rows(transaction_, "bars",
                      "SELECT instrument_token, bar_start_ts, bar_start_ns, revision, bar_end_ts, "
                      "bar_end_ns, open, high, low, close, volume, oi, oi_change, vwap, ticks, "
                      "flags, first_epoch, first_seq, last_epoch, last_seq, cause_epoch, "
                      "cause_seq, cause_ordinal, instrument_id FROM artham." +
                          bar_table_name(tf) +
                          " ORDER BY instrument_token, bar_start_ts, bar_start_ns, revision");
      constexpr std::size_t revision = 0;
      constexpr std::size_t end = 1;
      constexpr std::size_t id_column = bar_columns.size() - 1;
      while (const auto next = rows.next()) {
        taker in(*next);
        audited_bar row;
        row.token = in.integer();
        row.start = in.exact_time();
        row.values[revision] = in.integer();
        row.values[end] = in.exact_time();
        for (auto i = end + 1; i < row.values.size(); ++i) {
          if (in.is_null()) {
            in.skip();
          } else {
            row.values[i] = in.integer();
          }
        }
        if (tokens_.had(*row.values[id_column], static_cast<std::uint32_t>(row.token)))
          row.values[id_column].reset();
        fn(row);
      }
      return {};
    });
  }

  result<void> for_each_tick(const std::function<void(const tick_row&)>& fn) override {
    return reading([&]() -> result<void> {
      read_ticks(transaction_, tokens_, fn);
      return {};
    });
  }

  result<feature_rows> chains() override {
    return reading([&]() -> result<feature_rows> {
      const auto rows = std::make_shared<chain_rows>(transaction_);
      return feature_rows([this, rows]() {
        return reading(
            [&]() -> result<std::optional<record::feature_record>> { return rows->next(); });
      });
    });
  }

  result<feature_rows> instrument_features() override {
    return reading([&]() -> result<feature_rows> {
      const auto rows = std::make_shared<row_stream>(
          transaction_, "instrument_features",
          "SELECT " + instrument_feature_columns +
              " FROM artham.instrument_features ORDER BY cause_epoch, cause_seq, cause_ordinal");
      return feature_rows([this, rows]() {
        return reading([&]() -> result<std::optional<record::feature_record>> {
          const auto next = rows->next();
          if (!next) return std::nullopt;
          taker in(*next);
          return take_instrument_feature(in);
        });
      });
    });
  }

  result<std::vector<quarantine_row>> quarantines() override {
    return list<quarantine_row>(
        "SELECT epoch, seq, what, actor, instrument_token, at_epoch, at_seq, cause_epoch, "
        "cause_seq, cause_ordinal, at_ns, error FROM artham.quarantines ORDER BY epoch, seq",
        [](taker& in) {
          quarantine_row row;
          row.place = in.position();
          auto& l = row.letter;
          l.what = static_cast<record::letter_kind>(in.integer());
          l.actor = static_cast<record::letter_actor>(in.integer());
          l.token = in.small();
          l.at = in.position();
          l.cause = in.cause();
          l.time = in.integer();
          l.text = in.text();
          return row;
        });
  }

  result<std::vector<stored_position>> positions() override {
    return reading(
        [&]() -> result<std::vector<stored_position>> { return read_positions(transaction_); });
  }

  result<std::vector<refused_row>> refused() override {
    return list<refused_row>(
        "SELECT stream, epoch, seq, ordinal, instrument_token, reason FROM artham.dead_letters "
        "ORDER BY stream COLLATE \"C\", epoch, seq, ordinal",
        [](taker& in) {
          refused_row row;
          row.stream = in.text();
          row.at = in.position();
          row.ordinal = in.small();
          row.token = in.small();
          row.reason = in.text();
          return row;
        });
  }

  result<market::timestamp> kept_since(std::string_view table) override {
    return reading([&]() -> result<market::timestamp> {
      statement s;
      s << "SELECT before_ts FROM artham.removed WHERE table_name = lower(";
      s.value(std::string(table)) << ")";
      const auto rows = s.run(transaction_);
      if (rows.empty()) return 0;
      return taker(rows[0]).time();
    });
  }

  result<std::vector<stored_instrument>> instruments() override { return versions_; }

  result<std::vector<gap_row>> gaps() override {
    // A schema of before has no instruments there.
    return list<gap_row>(
        "SELECT from_ts, to_ts, fraction, cause, detail, epoch, seq, to_jsonb(g) ->> "
        "'instrument_tokens' FROM artham.gaps AS g ORDER BY epoch, seq",
        take_gap);
  }

  result<void> for_each_candle(const std::function<void(const audited_candle&)>& fn) override {
    return reading([&]() -> result<void> {
      row_stream rows(transaction_, "candles",
                      "SELECT source, timeframe, " + candle_columns +
                          " FROM artham.candles ORDER BY source COLLATE \"C\", instrument_token, "
                          "timeframe COLLATE \"C\", bar_start_ts");
      while (const auto next = rows.next()) {
        taker in(*next);
        audited_candle c;
        c.source = in.text();
        const auto tf = market::parse_timeframe(std::string(in.text()));
        if (!tf) return tl::unexpected(tf.error());
        c.timeframe = *tf;
        c.bar = take_candle(in);
        fn(c);
      }
      return {};
    });
  }

 private:
  template <class Fn>
  auto reading(Fn&& fn) -> decltype(fn()) {
    return guarded(place_, std::forward<Fn>(fn));
  }

  template <class T, class Take>
  result<std::vector<T>> list(const std::string& query, Take take) {
    return reading([&]() -> result<std::vector<T>> {
      std::vector<T> all;
      for (const auto& row : transaction_.exec(query)) {
        taker in(row);
        all.push_back(take(in));
      }
      return all;
    });
  }

  std::string place_;
  std::unique_ptr<read_connection> connection_;
  snapshot transaction_;
  std::vector<stored_instrument> versions_;
  token_book tokens_;
};

}  // namespace

result<std::unique_ptr<audit>> open_audit(const server& s) {
  auto connection = read_connection::open(s, "artham audit", std::chrono::milliseconds(0));
  if (!connection) return tl::unexpected(connection.error());
  const auto place = place_of(s);
  return guarded(place, [&]() -> result<std::unique_ptr<audit>> {
    auto opened = std::make_unique<postgres_audit>(place, std::move(*connection));
    if (auto begun = opened->begin(); !begun) return tl::unexpected(begun.error());
    return opened;
  });
}

}  // namespace artham::store::postgres

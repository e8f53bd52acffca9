#include "store/postgres/reader.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>

#include "store/merge_rows.hpp"
#include "store/postgres/array_text.hpp"
#include "store/postgres/read_pool.hpp"
#include "store/postgres/statement.hpp"
#include "store/postgres/stored_rows.hpp"
#include "store/postgres/time_tables.hpp"

namespace artham::store::postgres {

namespace {

using transaction = pqxx::transaction_base;

std::int64_t count_of(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX));
}

/// `column` in [from, to), where what is below a microsecond stands in `below`. The bounds of the
/// time alone choose partitions and the range of the index.
void in_range(statement& s, const bar_query& q) {
  const auto from = micro_of(q.from);
  s << " AND bar_start_ts >= ";
  s.value(from.text);
  if (from.below != 0) {
    s << " AND (bar_start_ts, bar_start_ns) >= (";
    s.value(from.text) << ", ";
    s.value(from.below) << ")";
  }
  const auto to = micro_of(q.to);
  s << (to.below == 0 ? " AND bar_start_ts < " : " AND bar_start_ts <= ");
  s.value(to.text);
  if (to.below != 0) {
    s << " AND (bar_start_ts, bar_start_ns) < (";
    s.value(to.text) << ", ";
    s.value(to.below) << ")";
  }
}

/// A time of clock marks has no remainder; one that is asked for may have.
void at_in_range(statement& s, const feature_query& q) {
  const auto rounded_up = [](market::timestamp t) {
    const auto below = micro_of(t).below;
    return below == 0 ? t : t + (market::microsecond - below);
  };
  s << " AND at_ts >= ";
  s.time(rounded_up(q.from)) << " AND at_ts < ";
  s.time(rounded_up(q.to));
}

void in_order(statement& s, const feature_query& q) {
  s << " ORDER BY at_ts" << (q.newest_first ? " DESC" : "") << " LIMIT ";
  s.value(count_of(q.limit));
}

/// A token may have meant several instruments: all that its rows carry.
std::vector<std::int64_t> ids_of(transaction& t, std::uint32_t token) {
  std::vector<std::int64_t> ids;
  statement s;
  s << "SELECT DISTINCT instrument_id FROM artham.instruments WHERE instrument_token = ";
  s.value(token);
  for (const auto& row : s.run(t)) ids.push_back(taker(row).integer());
  return ids;
}

/// Rows of one instrument along the primary key, whatever the size of the table: nothing in the
/// query keeps the server from reading no more than `rows` of them.
std::vector<record::bar_record> page_of(transaction& t, const bar_query& q, std::int64_t id,
                                        std::size_t rows) {
  const std::string direction = q.newest_first ? " DESC" : "";
  statement s;
  s << "SELECT " << bar_columns_of_record << " FROM artham." << bar_table_name(q.timeframe)
    << " WHERE instrument_id = ";
  s.value(id);
  in_range(s, q);
  if (q.past) {
    const auto start = micro_of(q.past->start);
    s << " AND (bar_start_ts, bar_start_ns, revision) " << (q.newest_first ? "< (" : "> (");
    s.value(start.text) << ", ";
    s.value(start.below) << ", ";
    s.value(q.past->revision) << ")";
  }
  if (q.as_of != bar_query{}.as_of) {
    s << " AND (cause_epoch, cause_seq) <= (";
    s.value(q.as_of.epoch) << ", ";
    s.value(static_cast<std::int64_t>(q.as_of.seq)) << ")";
  }
  s << " ORDER BY bar_start_ts" << direction << ", bar_start_ns" << direction << ", revision"
    << direction << " LIMIT ";
  s.value(count_of(rows));
  std::vector<record::bar_record> found;
  for (const auto& row : s.run(t)) {
    taker in(row);
    found.push_back(take_bar(in));
  }
  return found;
}

/// The bars of one instrument. Revisions of a bar lie side by side and are few: the last ones are
/// picked here, from little more than what is asked for.
std::vector<record::bar_record> bars_of(transaction& t, bar_query q, std::int64_t id) {
  constexpr std::size_t at_once = 1U << 17U;
  auto size = std::min(q.limit, at_once);
  if (!q.all_revisions) size += size / 8 + 16;
  std::vector<record::bar_record> found;
  while (found.size() < q.limit) {
    const auto page = page_of(t, q, id, size);
    const bool is_last = page.size() < size;
    std::size_t taken = 0;
    for (std::size_t i = 0; i < page.size() && found.size() < q.limit; ++i) {
      const auto start = page[i].bar.start;
      const bool begins = i == 0 || page[i - 1].bar.start != start;
      const bool ends = i + 1 == page.size() ? is_last : page[i + 1].bar.start != start;
      const bool picked = q.all_revisions || (q.newest_first ? begins : ends);
      if (ends) taken = i + 1;
      if (!picked || page[i].bar.token != q.token) continue;
      if (q.all_revisions || page[i].bar.ticks > 0) found.push_back(page[i]);
    }
    if (is_last || found.size() >= q.limit) break;
    // On from the first bar of which something is still to be read.
    const auto next = page[taken].bar.start;
    std::erase_if(found, [&](const auto& r) { return r.bar.start == next; });
    if (q.newest_first) {
      q.to = next + 1;
    } else {
      q.from = next;
    }
    size = std::max(size, std::min(size * 2, at_once));
    if (taken == 0) size = page.size() * 2;
  }
  return found;
}

struct dated_option {
  std::int64_t chain_id;
  stored_greeks greeks;
};

std::vector<dated_option> options_of(transaction& t, std::uint32_t token, std::int64_t id,
                                     const feature_query& q) {
  statement s;
  s << "SELECT chain_id, at_ts, " << option_columns
    << " FROM artham.option_greeks WHERE instrument_id = ";
  s.value(id) << " AND instrument_token = ";
  s.value(token);
  at_in_range(s, q);
  in_order(s, q);
  std::vector<dated_option> found;
  for (const auto& row : s.run(t)) {
    taker in(row);
    dated_option o;
    o.chain_id = in.integer();
    o.greeks.at = in.time();
    o.greeks.option = take_option(in);
    found.push_back(std::move(o));
  }
  return found;
}

/// What the chains of the options say, which are in order of time.
void add_chains(transaction& t, std::vector<dated_option>& options) {
  if (options.empty()) return;
  std::string ids = "{";
  for (const auto& o : options) ids += (ids.size() == 1 ? "" : ",") + std::to_string(o.chain_id);
  statement s;
  s << "SELECT chain_id, underlying, expiry - date '1970-01-01', forward FROM "
       "artham.chain_features WHERE chain_id = ANY(";
  s.value(ids + "}") << ") AND at_ts >= ";
  s.time(options.front().greeks.at) << " AND at_ts <= ";
  s.time(options.back().greeks.at);
  const auto rows = s.run(t);
  std::map<std::int64_t, pqxx::row> by_id;
  for (const auto& row : rows) by_id.emplace(taker(row).integer(), row);
  for (auto& o : options) {
    const auto it = by_id.find(o.chain_id);
    if (it == by_id.end()) continue;
    taker in(it->second, 1);
    o.greeks.underlying = in.text();
    o.greeks.expiry.days = static_cast<std::int32_t>(in.integer());
    o.greeks.forward = in.real();
  }
}

/// A name that no text of the database can be names nothing.
template <class T>
result<T> or_nothing(result<T> found) {
  if (!found && found.error().code == errc::bad_input) return T{};
  return found;
}

bool is_text(std::string_view name) {
  return name.find('\0') == std::string_view::npos;
}

}  // namespace

postgres_reader::postgres_reader(server s) : pool_(std::make_unique<read_pool>(std::move(s))) {}
postgres_reader::~postgres_reader() = default;

result<std::vector<record::bar_record>> postgres_reader::bars(const bar_query& q) {
  return pool_->with([&](transaction& t) -> result<std::vector<record::bar_record>> {
    statement known;
    known << "SELECT to_regclass(";
    known.value("artham." + bar_table_name(q.timeframe))
        << ") IS NOT NULL, ARRAY(SELECT DISTINCT instrument_id "
           "FROM artham.instruments WHERE instrument_token = ";
    known.value(q.token) << ")";
    const auto rows = known.run(t);
    const auto first = rows[0];
    taker in(first);
    if (in.text() != "t") {
      return fail(errc::not_found, "timeframe " + market::to_string(q.timeframe) +
                                       " is not stored; bars.timeframes names the ones that are");
    }
    std::vector<record::bar_record> found;
    for (const auto id : integers_of(in.text())) {
      auto some = bars_of(t, q, *id);
      std::ranges::move(some, std::back_inserter(found));
    }
    merge_rows(found, q.limit, q.newest_first,
               [](const record::bar_record& r) { return std::pair(r.bar.start, r.bar.revision); });
    return found;
  });
}

result<std::vector<market::bar>> postgres_reader::candles(std::string_view source,
                                                          const bar_query& q) {
  return pool_->with([&](transaction& t) -> result<std::vector<market::bar>> {
    const auto up = [](market::timestamp time) {
      const auto below = micro_of(time).below;
      return below == 0 ? time : time + (market::microsecond - below);
    };
    statement s;
    s << "SELECT " << candle_columns << " FROM artham.candles WHERE source = ";
    s.value(std::string(source)) << " AND instrument_token = ";
    s.value(q.token) << " AND timeframe = ";
    s.value(market::to_string(q.timeframe)) << " AND bar_start_ts >= ";
    s.time(up(q.from)) << " AND bar_start_ts < ";
    s.time(up(q.to)) << " ORDER BY bar_start_ts" << (q.newest_first ? " DESC" : "") << " LIMIT ";
    s.value(count_of(q.limit));
    std::vector<market::bar> found;
    for (const auto& row : s.run(t)) {
      taker in(row);
      found.push_back(take_candle(in));
    }
    if (q.newest_first) std::ranges::reverse(found);
    return found;
  });
}

result<std::vector<stored_instrument>> postgres_reader::instruments() {
  return pool_->with([](transaction& t) -> result<std::vector<stored_instrument>> {
    std::vector<stored_instrument> all;
    for (const auto& row : t.exec("SELECT " + instrument_columns +
                                  " FROM artham.instruments WHERE valid_to IS NULL ORDER BY "
                                  "exchange COLLATE \"C\", tradingsymbol COLLATE \"C\"")) {
      taker in(row);
      all.push_back(take_instrument(in));
    }
    return all;
  });
}

result<std::optional<stored_instrument>> postgres_reader::find(std::string_view key,
                                                               std::optional<market::date> on) {
  using found = std::optional<stored_instrument>;
  std::uint32_t token = 0;
  const auto [end, ec] = std::from_chars(key.data(), key.data() + key.size(), token);
  const bool number = ec == std::errc() && end == key.data() + key.size();
  const auto colon = key.find(':');
  if ((!number && colon == std::string_view::npos) || !is_text(key)) return found{};
  return or_nothing(pool_->with([&](transaction& t) -> result<found> {
    statement s;
    s << "SELECT " << instrument_columns << " FROM artham.instruments WHERE ";
    if (number) {
      s << "instrument_token = ";
      s.value(token);
    } else {
      s << "exchange = ";
      s.value(std::string(key.substr(0, colon))) << " AND tradingsymbol = ";
      s.value(std::string(key.substr(colon + 1)));
    }
    if (on) {
      s << " AND valid_from <= date '1970-01-01' + ";
      s.value(on->days) << "::integer AND (valid_to IS NULL OR valid_to > date '1970-01-01' + ";
      s.value(on->days) << "::integer)";
    }
    s << " ORDER BY valid_to IS NULL DESC, valid_from DESC LIMIT 1";
    const auto rows = s.run(t);
    if (rows.empty()) return found{};
    const auto row = rows[0];
    taker in(row);
    return take_instrument(in);
  }));
}

result<std::vector<std::string>> postgres_reader::chain_underlyings() {
  return pool_->with([](transaction& t) -> result<std::vector<std::string>> {
    // A step from name to name along the index, not over all rows.
    const auto rows = t.exec(
        "WITH RECURSIVE names(n) AS (SELECT min(underlying) FROM artham.chain_features UNION ALL "
        "SELECT (SELECT min(underlying) FROM artham.chain_features WHERE underlying > n) FROM "
        "names WHERE n IS NOT NULL) SELECT n FROM names WHERE n IS NOT NULL");
    std::vector<std::string> all;
    for (const auto& row : rows) all.emplace_back(taker(row).text());
    std::ranges::sort(all);
    return all;
  });
}

result<std::vector<stored_expiry>> postgres_reader::chain_expiries(std::string_view underlying) {
  if (!is_text(underlying)) return std::vector<stored_expiry>{};
  return or_nothing(pool_->with([&](transaction& t) -> result<std::vector<stored_expiry>> {
    const std::string name(underlying);
    statement s;
    s << "WITH RECURSIVE dates(d) AS (SELECT min(expiry) FROM artham.chain_features WHERE "
         "underlying = ";
    s.value(name) << " UNION ALL SELECT (SELECT min(expiry) FROM artham.chain_features WHERE "
                     "underlying = ";
    s.value(name) << " AND expiry > d) FROM dates WHERE d IS NOT NULL) SELECT d - date "
                     "'1970-01-01', (SELECT max(at_ts) FROM artham.chain_features WHERE "
                     "underlying = ";
    s.value(name) << " AND expiry = d) FROM dates WHERE d IS NOT NULL";
    std::vector<stored_expiry> all;
    for (const auto& row : s.run(t)) {
      taker in(row);
      const market::date expiry{static_cast<std::int32_t>(in.integer())};
      all.push_back({expiry, in.time()});
    }
    return all;
  }));
}

result<std::optional<record::feature_record>> postgres_reader::chain(std::string_view underlying,
                                                                     market::date expiry,
                                                                     market::timestamp at) {
  using found = std::optional<record::feature_record>;
  if (!is_text(underlying)) return found{};
  return or_nothing(pool_->with([&](transaction& t) -> result<found> {
    statement s;
    s << "SELECT chain_id, " << chain_columns << " FROM artham.chain_features WHERE underlying = ";
    s.value(std::string(underlying)) << " AND expiry = date '1970-01-01' + ";
    s.value(expiry.days) << "::integer AND at_ts <= ";
    s.time(at) << " ORDER BY at_ts DESC LIMIT 1";
    const auto rows = s.run(t);
    if (rows.empty()) return found{};
    const auto row = rows[0];
    taker in(row);
    const auto chain_id = in.integer();
    auto c = take_chain(in);
    statement o;
    o << "SELECT " << option_columns << " FROM artham.option_greeks WHERE chain_id = ";
    o.value(chain_id) << " AND at_ts = ";
    o.time(c.at()) << " ORDER BY strike, type, instrument_token";
    auto& options = std::get<market::feature::chain_row>(c.row).options;
    for (const auto& option : o.run(t)) {
      taker each(option);
      options.push_back(take_option(each));
    }
    return c;
  }));
}

result<std::vector<record::feature_record>> postgres_reader::chain_history(
    std::string_view underlying, market::date expiry, const feature_query& q) {
  if (!is_text(underlying)) return std::vector<record::feature_record>{};
  return or_nothing(pool_->with([&](transaction& t) -> result<std::vector<record::feature_record>> {
    statement s;
    s << "SELECT " << chain_columns << " FROM artham.chain_features WHERE underlying = ";
    s.value(std::string(underlying)) << " AND expiry = date '1970-01-01' + ";
    s.value(expiry.days) << "::integer";
    at_in_range(s, q);
    in_order(s, q);
    std::vector<record::feature_record> found;
    for (const auto& row : s.run(t)) {
      taker in(row);
      found.push_back(take_chain(in));
    }
    if (q.newest_first) std::ranges::reverse(found);
    return found;
  }));
}

result<std::vector<stored_greeks>> postgres_reader::greeks(std::uint32_t token,
                                                           const feature_query& q) {
  return pool_->with([&](transaction& t) -> result<std::vector<stored_greeks>> {
    std::vector<dated_option> options;
    for (const auto id : ids_of(t, token)) {
      auto some = options_of(t, token, id, q);
      std::ranges::move(some, std::back_inserter(options));
    }
    merge_rows(options, q.limit, q.newest_first, [](const dated_option& o) { return o.greeks.at; });
    add_chains(t, options);
    std::vector<stored_greeks> found;
    found.reserve(options.size());
    for (auto& o : options) found.push_back(std::move(o.greeks));
    return found;
  });
}

result<std::vector<record::feature_record>> postgres_reader::instrument_features(
    std::uint32_t token, const feature_query& q) {
  return pool_->with([&](transaction& t) -> result<std::vector<record::feature_record>> {
    std::vector<record::feature_record> found;
    for (const auto id : ids_of(t, token)) {
      statement s;
      s << "SELECT " << instrument_feature_columns
        << " FROM artham.instrument_features WHERE instrument_id = ";
      s.value(id) << " AND instrument_token = ";
      s.value(token);
      at_in_range(s, q);
      in_order(s, q);
      for (const auto& row : s.run(t)) {
        taker in(row);
        found.push_back(take_instrument_feature(in));
      }
    }
    merge_rows(found, q.limit, q.newest_first,
               [](const record::feature_record& r) { return r.at(); });
    return found;
  });
}

result<std::vector<gap_row>> postgres_reader::gaps(market::timestamp from, market::timestamp to) {
  return pool_->with([&](transaction& t) -> result<std::vector<gap_row>> {
    std::vector<gap_row> all;
    statement lost;
    lost << "SELECT " << gap_columns << " FROM artham.gaps WHERE to_ts >= ";
    lost.time(from) << " AND from_ts <= ";
    lost.time(to) << " ORDER BY epoch, seq";
    for (const auto& row : lost.run(t)) {
      taker in(row);
      auto g = take_gap(in);
      if (g.to >= from && g.from < to) all.push_back(std::move(g));
    }
    statement stopped;
    stopped << "SELECT at_ns, error, at_epoch, at_seq, instrument_token FROM artham.quarantines AS "
               "q WHERE what = 2 AND at_ns < ";
    stopped.value(to)
        << " AND NOT EXISTS (SELECT 1 FROM artham.quarantines AS l WHERE l.what = 3 AND "
           "l.instrument_token = q.instrument_token AND (l.at_epoch, l.at_seq) = (q.at_epoch, "
           "q.at_seq)) ORDER BY epoch, seq";
    for (const auto& row : stopped.run(t)) {
      taker in(row);
      gap_row g;
      g.from = in.integer();
      g.to = market::never;
      g.detail = in.text();
      g.at = in.position();
      g.token = in.small();
      all.push_back(std::move(g));
    }
    return all;
  });
}

result<std::uint64_t> postgres_reader::count_ticks() {
  return pool_->with([](transaction& t) -> result<std::uint64_t> {
    const auto row = t.exec1(
        "SELECT (SELECT count(*) FROM artham.ticks) + (SELECT coalesce(sum(ticks), 0) FROM "
        "artham.tick_packs)");
    return static_cast<std::uint64_t>(taker(row).integer());
  });
}

result<std::vector<stored_position>> postgres_reader::positions() {
  return pool_->with(
      [](transaction& t) -> result<std::vector<stored_position>> { return read_positions(t); });
}

}  // namespace artham::store::postgres

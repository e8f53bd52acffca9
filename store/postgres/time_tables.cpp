#include "store/postgres/time_tables.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "store/bar_tables.hpp"

namespace artham::store::postgres {

namespace {

constexpr std::string_view bar_columns_sql =
    "bar_start_ts timestamptz NOT NULL, bar_end_ts timestamptz NOT NULL, open bigint NOT NULL, "
    "high bigint NOT NULL, low bigint NOT NULL, close bigint NOT NULL, volume bigint, oi bigint, "
    "oi_change bigint, vwap bigint, first_seq bigint NOT NULL, last_seq bigint NOT NULL, cause_seq "
    "bigint NOT NULL, instrument_token bigint NOT NULL, revision bigint NOT NULL, ticks bigint NOT "
    "NULL, cause_ordinal bigint NOT NULL, first_epoch bigint NOT NULL, last_epoch bigint NOT NULL, "
    "cause_epoch bigint NOT NULL, instrument_id integer NOT NULL, flags integer NOT NULL, "
    "bar_start_ns smallint NOT NULL, bar_end_ns smallint NOT NULL, PRIMARY KEY (instrument_id, "
    "bar_start_ts, bar_start_ns, revision)";

std::string bar_view(const std::string& table) {
  return "CREATE OR REPLACE VIEW artham_views." + table +
         " AS SELECT i.instrument, b.instrument_token, b.bar_start_ts, b.bar_end_ts, "
         "artham.price(b.open) AS open, artham.price(b.high) AS high, artham.price(b.low) AS low, "
         "artham.price(b.close) AS close, b.volume, b.oi, b.oi_change, artham.price(b.vwap) AS "
         "vwap, b.ticks, b.flags, b.revision, b.instrument_id FROM artham." +
         table +
         " AS b JOIN artham.instruments AS i ON i.instrument_id = b.instrument_id AND i.is_first "
         "WHERE b.ticks > 0 AND NOT EXISTS (SELECT FROM artham." +
         table +
         " AS l WHERE l.instrument_id = b.instrument_id AND l.bar_start_ts = b.bar_start_ts AND "
         "l.bar_start_ns = b.bar_start_ns AND l.revision > b.revision)";
}

std::string midnight(const market::year_month_day& d) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u 00:00:00+00", d.year, d.month, d.day);
  return text.data();
}

/// First day of the period of a day, and of the one behind it.
std::pair<market::year_month_day, market::year_month_day> bounds(period p, std::int32_t day) {
  auto from = market::civil({day});
  if (p == period::day) return {from, market::civil({day + 1})};
  from.day = 1;
  if (p == period::year) from.month = 1;
  auto to = from;
  if (p == period::year || to.month == 12) {
    ++to.year;
    to.month = 1;
  } else {
    ++to.month;
  }
  return {from, to};
}

std::string name_of(std::string_view table, period p, const market::year_month_day& from) {
  std::array<char, 16> text{};
  switch (p) {
    case period::day:
      std::snprintf(text.data(), text.size(), "_%04d%02u%02u", from.year, from.month, from.day);
      break;
    case period::month:
      std::snprintf(text.data(), text.size(), "_%04d%02u", from.year, from.month);
      break;
    case period::year:
      std::snprintf(text.data(), text.size(), "_%04d", from.year);
      break;
  }
  return std::string(table) + text.data();
}

outcome<void> done(outcome<std::vector<answer>> a) {
  if (!a) return tl::unexpected(std::move(a.error()));
  return {};
}

}  // namespace

period period_of(market::timeframe tf) {
  return market::to_string(tf).ends_with('D') ? period::year : period::month;
}

std::string bar_table_name(market::timeframe tf) {
  auto name = bar_table(tf);
  std::ranges::transform(name, name.begin(), [](char c) { return c == 'D' ? 'd' : c; });
  return name;
}

outcome<void> make_bar_table(connection& c, const schema& s, market::timeframe tf) {
  const auto table = bar_table_name(tf);
  // Others may make it at the same time.
  auto there = c.run(
      "BEGIN; SELECT pg_advisory_xact_lock(7309935); SELECT 1 FROM pg_tables WHERE "
      "schemaname = 'artham' AND tablename = '" +
      table + "'");
  if (!there) return tl::unexpected(std::move(there.error()));
  if (there->back().rows() != 0) return done(c.run("COMMIT"));
  const bool hypertables = s.tables == time_tables::hypertables;
  std::string sql = "CREATE TABLE artham." + table + " (" + std::string(bar_columns_sql) + ")" +
                    (hypertables ? "" : " PARTITION BY RANGE (bar_start_ts)") + "; ";
  if (hypertables) {
    const auto f = s.timescale + ".";
    const auto name = "'artham." + table + "'";
    sql += "SELECT " + f + "create_hypertable(" + name +
           ", 'bar_start_ts', chunk_time_interval => interval '1 " +
           (period_of(tf) == period::year ? "year" : "month") +
           "', create_default_indexes => false); SELECT " + f + "add_dimension(" + name +
           ", 'instrument_id', number_partitions => 8); ";
  }
  sql += "CREATE INDEX " + table + "_by_cause ON artham." + table + " USING brin (cause_seq); " +
         bar_view(table) + "; COMMIT";
  return done(c.run(sql));
}

void partitions::need(std::string_view table, period p, market::timestamp t) {
  if (how_ == time_tables::hypertables) return;
  auto day = static_cast<std::int32_t>(t / market::day);
  if (t % market::day < 0) --day;
  if (day == last_day_ && p == last_period_ && table == last_table_) return;
  last_day_ = day;
  last_period_ = p;
  last_table_ = table;
  const auto [from, to] = bounds(p, day);
  auto name = name_of(table, p, from);
  if (!known_.contains(name))
    needed_.insert({std::string(table), std::move(name), midnight(from), midnight(to)});
}

outcome<void> partitions::make(connection& c) {
  last_day_ = INT32_MIN;
  while (!needed_.empty()) {
    const auto& p = *needed_.begin();
    // LIKE and ATTACH, not PARTITION OF: readers of the table go on meanwhile.
    auto begun = c.run(
        "BEGIN; SELECT "
        "pg_advisory_xact_lock(7309935); SELECT 1 FROM pg_tables WHERE schemaname = "
        "'artham' AND tablename = '" +
        p.name + "'");
    if (!begun) return tl::unexpected(std::move(begun.error()));
    std::string sql;
    if (begun->back().rows() == 0) {
      sql = "CREATE TABLE artham." + p.name + " (LIKE artham." + p.table +
            " INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS); ALTER TABLE artham." +
            p.table + " ATTACH PARTITION artham." + p.name + " FOR VALUES FROM ('" + p.from +
            "') TO ('" + p.to + "'); ";
    }
    if (auto made = c.run(sql + "COMMIT"); !made) return tl::unexpected(std::move(made.error()));
    known_.insert(p.name);
    needed_.erase(needed_.begin());
  }
  return {};
}

}  // namespace artham::store::postgres

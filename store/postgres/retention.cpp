#include "store/postgres/retention.hpp"

#include <array>
#include <string>
#include <utility>

#include "store/postgres/copy_rows.hpp"

namespace artham::store::postgres {

namespace {

constexpr std::string_view lock_not_available = "55P03";

struct kept_table {
  std::string name;
  market::duration keep;
};

/// The tables that are cut by time, and how long their rows stay.
outcome<std::vector<kept_table>> tables(connection& c, const retention& keep) {
  std::vector<kept_table> all{{"ticks", keep.ticks},
                              {"tick_packs", keep.ticks},
                              {"chain_features", keep.features},
                              {"option_greeks", keep.features},
                              {"instrument_features", keep.features}};
  auto bars = c.run(
      "SELECT tablename FROM pg_tables AS t WHERE schemaname = 'artham' AND tablename LIKE "
      "'bars\\_%' "
      "AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = ('artham.' || "
      "tablename)::regclass) ORDER BY 1");
  if (!bars) return tl::unexpected(std::move(bars.error()));
  for (int i = 0; i < bars->front().rows(); ++i)
    all.push_back({std::string(bars->front().text(i, 0)), keep.bars});
  std::erase_if(all, [](const kept_table& t) { return t.keep == 0; });
  return all;
}

std::string time_sql(market::timestamp t) {
  return "(timestamptz '2000-01-01 00:00:00+00' + " + std::to_string(split(t).since_2000) +
         " * interval '1 microsecond')";
}

/// Pieces of a table that end at or before a time: name and end, the oldest first.
std::string pieces_sql(const schema& s, const std::string& table, const std::string& before) {
  if (s.tables == time_tables::hypertables) {
    return "SELECT format('%I.%I', chunk_schema, chunk_name), extract(epoch FROM "
           "range_end)::bigint "
           "FROM timescaledb_information.chunks WHERE hypertable_schema = 'artham' AND "
           "hypertable_name = '" +
           table + "' AND range_end <= " + before + " ORDER BY 2, 1";
  }
  // FOR VALUES FROM ('…') TO ('…')
  return "SELECT * FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name, extract(epoch FROM "
         "substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''([^'']+)''\\)')::timestamptz)"
         "::bigint AS ends FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN "
         "pg_namespace n ON n.oid = c.relnamespace WHERE i.inhparent = 'artham." +
         table + "'::regclass) AS p WHERE to_timestamp(ends) <= " + before + " ORDER BY ends, name";
}

}  // namespace

outcome<std::vector<removed_rows>> remove_old(connection& c, const schema& s, const retention& keep,
                                              market::timestamp now) {
  auto all = tables(c, keep);
  if (!all) return tl::unexpected(std::move(all.error()));
  std::vector<removed_rows> removed;
  for (const auto& t : *all) {
    auto pieces = c.run(pieces_sql(s, t.name, time_sql(now - t.keep)));
    if (!pieces) return tl::unexpected(std::move(pieces.error()));
    const auto& rows = pieces->front();
    for (int i = 0; i < rows.rows(); ++i) {
      const auto seconds = std::string(rows.text(i, 1));
      // The note first, in the same transaction: nobody may look for what is gone.
      auto dropped = c.run(
          "BEGIN; SET LOCAL lock_timeout = '2s'; INSERT INTO "
          "artham.removed AS r (table_name, before_ts) VALUES ('" +
          t.name + "', to_timestamp(" + seconds +
          ")) ON CONFLICT (table_name) DO UPDATE SET before_ts = greatest(r.before_ts, "
          "excluded.before_ts); DROP TABLE " +
          std::string(rows.text(i, 0)) + "; COMMIT");
      if (!dropped) {
        if (c.lost()) return tl::unexpected(std::move(dropped.error()));
        static_cast<void>(c.run("ROLLBACK"));
        if (dropped.error().sqlstate == lock_not_available) break;
        return tl::unexpected(std::move(dropped.error()));
      }
      const auto before = rows.integer(i, 1) * market::second;
      if (!removed.empty() && removed.back().table == t.name) {
        removed.back().before = before;
      } else {
        removed.push_back({t.name, before});
      }
    }
  }
  return removed;
}

outcome<void> compress_after(connection& c, const schema& s, market::duration age) {
  auto all = tables(c, {1, 1, 1});
  if (!all) return tl::unexpected(std::move(all.error()));
  for (const auto& t : *all) {
    const std::string by = t.name == "chain_features" ? "underlying" : "instrument_id";
    auto set = c.run("ALTER TABLE artham." + t.name +
                     " SET (timescaledb.compress, timescaledb.compress_segmentby = '" + by +
                     "'); SELECT " + s.timescale + ".add_compression_policy('artham." + t.name +
                     "', compress_after => interval '" + std::to_string(age / market::second) +
                     " seconds', if_not_exists => true)");
    if (!set) return tl::unexpected(std::move(set.error()));
  }
  return {};
}

}  // namespace artham::store::postgres

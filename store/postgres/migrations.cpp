#include "store/postgres/migrations.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "store/postgres/sqlstate.hpp"

namespace artham::store::postgres {

namespace {

constexpr int oldest_server = 140'000;  // COMPRESSION lz4, functions with SQL bodies

/// Tables that are cut by time besides those of bars; the column stands in the migration.
struct timed_table {
  std::string_view name;
  std::string_view column;
  std::string_view chunk;
};
constexpr std::array timed_tables{
    timed_table{"ticks", "receive_ts", "1 day"},
    timed_table{"tick_packs", "from_ts", "1 day"},
    timed_table{"chain_features", "at_ts", "1 month"},
    timed_table{"option_greeks", "at_ts", "1 day"},
    timed_table{"instrument_features", "at_ts", "1 day"},
};

std::string with_partitions(std::string_view sql, bool partitioned) {
  std::string text;
  constexpr std::string_view mark = "@BY_TIME(";
  for (;;) {
    const auto at = sql.find(mark);
    if (at == std::string_view::npos) return text.append(sql);
    const auto end = sql.find(")@", at);
    text.append(sql.substr(0, at));
    if (partitioned) {
      text.append("PARTITION BY RANGE (")
          .append(sql.substr(at + mark.size(), end - at - mark.size()))
          .append(")");
    }
    sql.remove_prefix(end + 2);
  }
}

class migration_run {
 public:
  migration_run(connection& c, std::string_view place) : c_(c), place_(place) {}

  result<schema> run(const std::vector<migration>& list) {
    if (c_.version() < oldest_server) {
      return fail(errc::refused, place_ + ": this is PostgreSQL " +
                                     std::to_string(c_.version() / 10'000) +
                                     "; artham needs 14 or newer");
    }
    // An advisory lock belongs to the session and needs no table.
    if (auto done = ask("SELECT pg_advisory_lock(7309934)"); !done)
      return tl::unexpected(done.error());
    auto answer = locked(list);
    if (!answer && !c_.lost()) static_cast<void>(c_.run("ROLLBACK"));
    if (!c_.lost()) static_cast<void>(c_.run("SELECT pg_advisory_unlock(7309934)"));
    return answer;
  }

 private:
  result<std::vector<answer>> ask(const std::string& sql) {
    auto a = c_.run(sql);
    if (!a) return tl::unexpected(error_of(place_, a.error().sqlstate, a.error().message));
    return std::move(*a);
  }

  result<bool> has(const std::string& condition) {
    auto a = ask("SELECT 1 WHERE EXISTS (" + condition + ")");
    if (!a) return tl::unexpected(a.error());
    return a->front().rows() == 1;
  }

  result<schema> locked(const std::vector<migration>& list) {
    const auto ours =
        has("SELECT FROM pg_tables WHERE schemaname = 'artham' AND tablename = "
            "'schema_migrations'");
    if (!ours) return tl::unexpected(ours.error());
    if (!*ours) {
      if (auto done = begin(); !done) return tl::unexpected(done.error());
    }
    const auto versions = applied(list);
    if (!versions) return tl::unexpected(versions.error());
    auto found = look();
    if (!found) return tl::unexpected(found.error());
    for (const auto& m : list) {
      if (versions->contains(m.version)) continue;
      if (auto done = apply(m, *found); !done) return tl::unexpected(done.error());
    }
    return found;
  }

  /// The empty schema, and whether TimescaleDB is to cut its tables.
  result<void> begin() {
    auto others = ask(
        "SELECT coalesce(string_agg(relname, ', '), '') FROM (SELECT n.nspname || '.' || "
        "c.relname AS relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
        "n.nspname IN ('artham', 'artham_views') ORDER BY 1 LIMIT 3) AS o");
    if (!others) return tl::unexpected(others.error());
    if (const auto names = others->front().text(0, 0); !names.empty()) {
      return fail(errc::conflict,
                  place_ + ": the schema artham is there already, and artham did not make it (" +
                      std::string(names) + "); name another database in store.postgres.url");
    }
    const auto available =
        has("SELECT FROM pg_available_extensions WHERE name = 'timescaledb' AND installed_version "
            "IS NULL");
    if (!available) return tl::unexpected(available.error());
    // Who may not create it goes on without: an administrator can do it beforehand.
    if (*available) static_cast<void>(c_.run("CREATE EXTENSION timescaledb"));
    if (c_.lost()) return fail(errc::unavailable, place_ + ": the connection was lost");
    auto made = ask(
        "BEGIN; CREATE SCHEMA IF NOT EXISTS artham; CREATE SCHEMA IF NOT EXISTS artham_views; "
        "CREATE TABLE artham.schema_migrations (version integer PRIMARY KEY, name text NOT NULL, "
        "time_tables text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()); COMMIT");
    if (!made) return tl::unexpected(made.error());
    return {};
  }

  result<std::set<int>> applied(const std::vector<migration>& list) {
    auto rows = ask("SELECT version FROM artham.schema_migrations");
    if (!rows) return tl::unexpected(rows.error());
    std::set<int> versions;
    for (int i = 0; i < rows->front().rows(); ++i) {
      const auto version = static_cast<int>(rows->front().integer(i, 0));
      if (std::ranges::count(list, version, &migration::version) == 0) {
        return fail(errc::conflict,
                    place_ + " has schema version " + std::to_string(version) +
                        ", written by a newer artham; this one knows versions up to " +
                        std::to_string(list.back().version) +
                        ". Run the newer program, or name another database in "
                        "store.postgres.url");
      }
      versions.insert(version);
    }
    return versions;
  }

  result<schema> look() {
    auto rows = ask(
        "SELECT coalesce((SELECT time_tables FROM artham.schema_migrations ORDER BY version LIMIT "
        "1), ''), coalesce((SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = "
        "e.extnamespace WHERE e.extname = 'timescaledb'), ''), "
        "coalesce(current_setting('timescaledb.license', true), '')");
    if (!rows) return tl::unexpected(rows.error());
    const auto& r = rows->front();
    schema s;
    s.timescale = r.text(0, 1);
    const auto kept = r.text(0, 0);
    const bool hypertables = kept.empty() ? !s.timescale.empty() : kept == "hypertables";
    s.tables = hypertables ? time_tables::hypertables : time_tables::partitions;
    if (hypertables && s.timescale.empty()) {
      return fail(errc::conflict,
                  place_ +
                      ": the tables of artham are TimescaleDB's, and the extension is gone; "
                      "CREATE EXTENSION timescaledb");
    }
    if (!hypertables) s.timescale.clear();
    s.compresses = hypertables && r.text(0, 2) == "timescale";
    return s;
  }

  result<void> apply(const migration& m, const schema& s) {
    const bool hypertables = s.tables == time_tables::hypertables;
    std::string sql = "BEGIN; " + with_partitions(m.sql, !hypertables);
    if (m.version == 1 && hypertables) {
      for (const auto& t : timed_tables) {
        sql += "SELECT " + s.timescale + ".create_hypertable('artham." + std::string(t.name) +
               "', '" + std::string(t.column) + "', chunk_time_interval => interval '" +
               std::string(t.chunk) + "', create_default_indexes => false);";
      }
    }
    sql += "INSERT INTO artham.schema_migrations (version, name, time_tables) VALUES (" +
           std::to_string(m.version) + ", " + c_.literal(m.name) + ", " +
           (hypertables ? "'hypertables'" : "'partitions'") + "); COMMIT";
    auto done = ask(sql);
    if (!done) {
      return fail(done.error().code,
                  done.error().message + " (migration " + std::string(m.name) + ")");
    }
    return {};
  }

  connection& c_;
  std::string place_;
};

}  // namespace

result<schema> migrate(connection& c, std::string_view place, const std::vector<migration>& list) {
  return migration_run(c, place).run(list);
}

}  // namespace artham::store::postgres

#include "store/sqlite/reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "store/bar_tables.hpp"
#include "store/merge_rows.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/feature_rows.hpp"
#include "store/sqlite/instrument_archive.hpp"
#include "store/sqlite/read_rows.hpp"

namespace artham::store::sqlite {

namespace {

/// `prefix` in front of each column.
std::string qualified(const std::string& prefix, const std::string& columns) {
  auto all = prefix + columns;
  for (auto at = all.find(", "); at != std::string::npos; at = all.find(", ", at + 2))
    all.insert(at + 2, prefix);
  return all;
}

/// A token may have meant several instruments: all that its rows carry.
std::vector<std::int64_t> ids_of(SQLite::Database& db, std::uint32_t token) {
  SQLite::Statement s(
      db, "SELECT DISTINCT instrument_id FROM instruments WHERE instrument_token = ? ORDER BY 1");
  s.bind(1, token);
  std::vector<std::int64_t> ids;
  while (s.executeStep()) ids.push_back(s.getColumn(0).getInt64());
  return ids;
}

/// Along the primary key, so that a page costs its rows, whatever the range has.
void add_bars(SQLite::Database& db, const std::string& table, std::int64_t id, const bar_query& q,
              std::vector<record::bar_record>& found) {
  const std::string sql =
      "SELECT " + std::string(bar_columns_of_record) + " FROM " + table +
      " AS b WHERE instrument_id = ?7 AND bar_start_ts >= ?2 AND bar_start_ts < ?3 "
      "AND instrument_token = ?1 AND (cause_epoch, cause_seq) <= (?5, ?6) " +
      (!q.past          ? ""
       : q.newest_first ? "AND (bar_start_ts, revision) < (?8, ?9) "
                        : "AND (bar_start_ts, revision) > (?8, ?9) ") +
      (q.all_revisions ? ""
                       : "AND ticks > 0 AND revision = (SELECT MAX(revision) FROM " + table +
                             " AS l WHERE l.instrument_id = b.instrument_id AND l.bar_start_ts = "
                             "b.bar_start_ts AND (l.cause_epoch, l.cause_seq) <= (?5, ?6)) ") +
      (q.newest_first ? "ORDER BY bar_start_ts DESC, revision DESC"
                      : "ORDER BY bar_start_ts, revision") +
      " LIMIT ?4";
  SQLite::Statement s(db, sql);
  s.bind(1, q.token);
  s.bind(2, q.from);
  s.bind(3, q.to);
  s.bind(4, static_cast<std::int64_t>(std::min<std::size_t>(q.limit, INT64_MAX)));
  s.bind(5, q.as_of.epoch);
  s.bind(6, static_cast<std::int64_t>(q.as_of.seq));
  s.bind(7, id);
  if (q.past) {
    s.bind(8, q.past->start);
    s.bind(9, q.past->revision);
  }
  while (s.executeStep()) found.push_back(read_bar(s));
}

/// Binds from, to and limit from parameter `first` on.
void bind_range(SQLite::Statement& s, int first, const feature_query& q) {
  s.bind(first, q.from);
  s.bind(first + 1, q.to);
  s.bind(first + 2, static_cast<std::int64_t>(std::min<std::size_t>(q.limit, INT64_MAX)));
}

std::string in_order(const feature_query& q) {
  return std::string(" ORDER BY at_ts") + (q.newest_first ? " DESC" : "") + " LIMIT ?";
}

}  // namespace

sqlite_reader::sqlite_reader(std::filesystem::path file) : pool_(std::move(file)) {}

result<std::vector<record::bar_record>> sqlite_reader::bars(const bar_query& q) {
  return pool_.with([&](SQLite::Database& db) -> result<std::vector<record::bar_record>> {
    const auto table = bar_table(q.timeframe);
    if (!db.tableExists(table)) {
      return fail(errc::not_found, "timeframe " + market::to_string(q.timeframe) +
                                       " is not stored; bars.timeframes names the ones that are");
    }
    std::vector<record::bar_record> found;
    for (const auto id : ids_of(db, q.token)) add_bars(db, table, id, q, found);
    merge_rows(found, q.limit, q.newest_first, [](const record::bar_record& r) {
      return bar_place{r.bar.start, r.bar.revision};
    });
    return found;
  });
}

result<std::vector<market::bar>> sqlite_reader::candles(std::string_view source,
                                                        const bar_query& q) {
  return pool_.with([&](SQLite::Database& db) -> result<std::vector<market::bar>> {
    SQLite::Statement s(
        db, std::string(
                "SELECT instrument_token, bar_start_ts, bar_end_ts, open, "
                "high, low, close, volume, oi FROM candles WHERE source = ? AND instrument_token "
                "= ? AND timeframe = ? AND bar_start_ts >= ? AND bar_start_ts "
                "< ? ORDER BY bar_start_ts") +
                (q.newest_first ? " DESC" : "") + " LIMIT ?");
    s.bind(1, std::string(source));
    s.bind(2, q.token);
    s.bind(3, market::to_string(q.timeframe));
    s.bind(4, q.from);
    s.bind(5, q.to);
    s.bind(6, static_cast<std::int64_t>(std::min<std::size_t>(q.limit, INT64_MAX)));
    std::vector<market::bar> found;
    while (s.executeStep()) found.push_back(read_candle(s));
    if (q.newest_first) std::reverse(found.begin(), found.end());
    return found;
  });
}

result<std::vector<stored_instrument>> sqlite_reader::instruments() {
  return pool_.with([](SQLite::Database& db) -> result<std::vector<stored_instrument>> {
    SQLite::Statement s(
        db, std::string("SELECT ") + instrument_columns +
                " FROM instruments WHERE valid_to IS NULL ORDER BY exchange, tradingsymbol");
    std::vector<stored_instrument> all;
    while (s.executeStep()) all.push_back(read_instrument(s));
    return all;
  });
}

result<std::optional<stored_instrument>> sqlite_reader::find(std::string_view key,
                                                             std::optional<market::date> on) {
  return pool_.with([&](SQLite::Database& db) -> result<std::optional<stored_instrument>> {
    const std::string select =
        std::string("SELECT ") + instrument_columns + " FROM instruments WHERE ";
    const std::string newest = " ORDER BY valid_to IS NULL DESC, valid_from DESC LIMIT 1";
    std::uint32_t token = 0;
    const auto [end, ec] = std::from_chars(key.data(), key.data() + key.size(), token);
    const bool number = ec == std::errc() && end == key.data() + key.size();
    const auto colon = key.find(':');
    if (!number && colon == std::string_view::npos) return std::nullopt;
    SQLite::Statement s(
        db, select + (number ? "instrument_token = ?1" : "exchange = ?1 AND tradingsymbol = ?2") +
                (on ? " AND valid_from <= ?3 AND (valid_to IS NULL OR valid_to > ?3)" : "") +
                newest);
    if (number) {
      s.bind(1, token);
    } else {
      s.bind(1, std::string(key.substr(0, colon)));
      s.bind(2, std::string(key.substr(colon + 1)));
    }
    if (on) s.bind(3, on->days);
    if (!s.executeStep()) return std::nullopt;
    return read_instrument(s);
  });
}

result<std::vector<std::string>> sqlite_reader::chain_underlyings() {
  return pool_.with([](SQLite::Database& db) -> result<std::vector<std::string>> {
    // A step from name to name along the index, not over all rows.
    SQLite::Statement s(db,
                        "WITH RECURSIVE names(n) AS (SELECT MIN(underlying) FROM chain_features "
                        "UNION ALL SELECT (SELECT MIN(underlying) FROM chain_features WHERE "
                        "underlying > n) FROM names WHERE n IS NOT NULL) SELECT n FROM names "
                        "WHERE n IS NOT NULL");
    std::vector<std::string> all;
    while (s.executeStep()) all.push_back(s.getColumn(0).getString());
    return all;
  });
}

result<std::vector<stored_expiry>> sqlite_reader::chain_expiries(std::string_view underlying) {
  return pool_.with([&](SQLite::Database& db) -> result<std::vector<stored_expiry>> {
    SQLite::Statement s(
        db,
        "WITH RECURSIVE dates(d) AS (SELECT MIN(expiry) FROM chain_features WHERE underlying = ?1 "
        "UNION ALL SELECT (SELECT MIN(expiry) FROM chain_features WHERE underlying = ?1 AND expiry "
        "> d) FROM dates WHERE d IS NOT NULL) SELECT d, (SELECT MAX(at_ts) FROM chain_features "
        "WHERE underlying = ?1 AND expiry = d) FROM dates WHERE d IS NOT NULL");
    s.bind(1, std::string(underlying));
    std::vector<stored_expiry> all;
    while (s.executeStep()) all.push_back({{s.getColumn(0).getInt()}, s.getColumn(1).getInt64()});
    return all;
  });
}

result<std::optional<record::feature_record>> sqlite_reader::chain(std::string_view underlying,
                                                                   market::date expiry,
                                                                   market::timestamp at) {
  return pool_.with([&](SQLite::Database& db) -> result<std::optional<record::feature_record>> {
    SQLite::Statement s(db, "SELECT chain_id, " + chain_columns +
                                " FROM chain_features WHERE underlying = ? AND expiry = ? AND "
                                "at_ts <= ? ORDER BY at_ts DESC LIMIT 1");
    s.bind(1, std::string(underlying));
    s.bind(2, expiry.days);
    s.bind(3, at);
    if (!s.executeStep()) return std::nullopt;
    auto found = read_chain(s);
    std::get<market::feature::chain_row>(found.row).options =
        read_options(db, s.getColumn(0).getInt64());
    return found;
  });
}

result<std::vector<record::feature_record>> sqlite_reader::chain_history(
    std::string_view underlying, market::date expiry, const feature_query& q) {
  return pool_.with([&](SQLite::Database& db) -> result<std::vector<record::feature_record>> {
    SQLite::Statement s(db, "SELECT chain_id, " + chain_columns +
                                " FROM chain_features WHERE underlying = ? AND expiry = ? AND "
                                "at_ts >= ? AND at_ts < ?" +
                                in_order(q));
    s.bind(1, std::string(underlying));
    s.bind(2, expiry.days);
    bind_range(s, 3, q);
    std::vector<record::feature_record> found;
    while (s.executeStep()) found.push_back(read_chain(s));
    if (q.newest_first) std::reverse(found.begin(), found.end());
    return found;
  });
}

result<std::vector<stored_greeks>> sqlite_reader::greeks(std::uint32_t token,
                                                         const feature_query& q) {
  return pool_.with([&](SQLite::Database& db) -> result<std::vector<stored_greeks>> {
    SQLite::Statement s(
        db, "SELECT at_ts, underlying, expiry, forward, " + qualified("g.", option_columns) +
                " FROM option_greeks AS g JOIN chain_features AS c USING (chain_id) WHERE "
                "g.instrument_id IN (SELECT DISTINCT instrument_id FROM instruments WHERE "
                "instrument_token = ?1) AND g.instrument_token = ?1 AND at_ts >= ?2 AND at_ts < ?3"
                " ORDER BY g.chain_id" +
                (q.newest_first ? " DESC" : "") + " LIMIT ?4");
    s.bind(1, token);
    bind_range(s, 2, q);
    std::vector<stored_greeks> found;
    while (s.executeStep()) {
      found.push_back({s.getColumn(0).getInt64(),
                       s.getColumn(1).getString(),
                       {s.getColumn(2).getInt()},
                       s.getColumn(3).getDouble(),
                       read_option(s, 4)});
    }
    if (q.newest_first) std::reverse(found.begin(), found.end());
    return found;
  });
}

result<std::vector<record::feature_record>> sqlite_reader::instrument_features(
    std::uint32_t token, const feature_query& q) {
  return pool_.with([&](SQLite::Database& db) -> result<std::vector<record::feature_record>> {
    SQLite::Statement s(
        db, "SELECT " + instrument_feature_columns +
                " FROM instrument_features WHERE instrument_id IN (SELECT DISTINCT instrument_id "
                "FROM instruments WHERE instrument_token = ?1) AND instrument_token = ?1 AND at_ts "
                ">= ?2 AND at_ts < ?3" +
                in_order(q));
    s.bind(1, token);
    bind_range(s, 2, q);
    std::vector<record::feature_record> found;
    while (s.executeStep()) found.push_back(read_instrument_feature(s));
    if (q.newest_first) std::reverse(found.begin(), found.end());
    return found;
  });
}

result<std::vector<gap_row>> sqlite_reader::gaps(market::timestamp from, market::timestamp to) {
  return pool_.with([&](SQLite::Database& db) -> result<std::vector<gap_row>> {
    SQLite::Statement s(db,
                        "SELECT from_ts, to_ts, cause, detail, epoch, seq, instrument_tokens FROM "
                        "gaps WHERE to_ts >= ? AND from_ts < ? ORDER BY epoch, seq");
    s.bind(1, from);
    s.bind(2, to);
    std::vector<gap_row> all;
    while (s.executeStep()) all.push_back(read_gap(s));
    SQLite::Statement q(db,
                        "SELECT at_ts, error, at_epoch, at_seq, instrument_token FROM quarantines "
                        "AS q WHERE what = 2 AND at_ts < ? AND NOT EXISTS (SELECT 1 FROM "
                        "quarantines AS l WHERE l.what = 3 AND l.instrument_token = "
                        "q.instrument_token AND (l.at_epoch, l.at_seq) = (q.at_epoch, q.at_seq)) "
                        "ORDER BY epoch, seq");
    q.bind(1, to);
    while (q.executeStep()) {
      gap_row g;
      g.from = q.getColumn(0).getInt64();
      g.to = market::never;
      g.detail = q.getColumn(1).getString();
      g.at = {q.getColumn(2).getUInt(), static_cast<std::uint64_t>(q.getColumn(3).getInt64())};
      g.token = q.getColumn(4).getUInt();
      all.push_back(std::move(g));
    }
    return all;
  });
}

result<std::uint64_t> sqlite_reader::count_ticks() {
  return pool_.with([](SQLite::Database& db) -> result<std::uint64_t> {
    return static_cast<std::uint64_t>(db.execAndGet("SELECT COUNT(*) FROM ticks").getInt64());
  });
}

result<std::vector<stored_position>> sqlite_reader::positions() {
  return pool_.with([](SQLite::Database& db) -> result<std::vector<stored_position>> {
    return read_positions(db);
  });
}

}  // namespace artham::store::sqlite

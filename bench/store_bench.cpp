// Writing a market into each store, beside what it can do at best and what simple code does.
//   store_bench [thousand ticks [postgres|timescale|sqlite]]
#include <libpq-fe.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "bench/measure.hpp"
#include "bench/store_market.hpp"
#include "store/bar_tables.hpp"
#include "store/postgres/bar_rows.hpp"
#include "store/postgres/database.hpp"
#include "store/postgres/tick_rows.hpp"
#include "store/sqlite/database.hpp"
#include "tests/support/places.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/process.hpp"

namespace {

using namespace artham;         // NOLINT(google-build-using-namespace)
using namespace artham::bench;  // NOLINT(google-build-using-namespace)

constexpr std::size_t instruments = 1000;
constexpr std::size_t rows_a_commit = 65'536;  // store.batch
constexpr int runs = 5;
const auto one_minute = *market::parse_timeframe("1m");

double cpu_of(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 2, text.size())));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct way {
  std::string name;
  std::size_t rows;
  std::function<void()> clear;
  std::function<void()> write;
  std::function<int()> server;  ///< pid of the backend at work; 0: none
};
struct outcome {
  double rate = 0;  ///< rows/s
  double client = 0;
  double backend = 0;
};

/// All ways in turn, several times over; medians.
std::vector<outcome> measure_all(const std::vector<way>& ways) {
  std::vector<std::vector<double>> rates(ways.size());
  std::vector<std::vector<double>> client(ways.size());
  std::vector<std::vector<double>> backend(ways.size());
  for (int run = 0; run <= runs; ++run) {
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const auto& w = ways[i];
      w.clear();
      const int pid = w.server();
      const auto c0 = cpu_seconds();
      const auto b0 = pid == 0 ? 0 : cpu_of(pid);
      const auto begun = std::chrono::steady_clock::now();
      w.write();
      const auto seconds = seconds_since(begun);
      if (run == 0) continue;
      const auto n = static_cast<double>(w.rows);
      rates[i].push_back(n / seconds);
      client[i].push_back((cpu_seconds() - c0) / n * 1e6);
      backend[i].push_back(pid == 0 ? 0 : (cpu_of(pid) - b0) / n * 1e6);
    }
  }
  std::vector<outcome> all;
  for (std::size_t i = 0; i < ways.size(); ++i)
    all.push_back({median(rates[i]), median(client[i]), median(backend[i])});
  return all;
}

void print(const way& w, const outcome& o) {
  std::printf("  %-52s %10.0f rows/s   CPU s/M rows: client %6.3f server %6.3f\n", w.name.c_str(),
              o.rate, o.client, o.backend);
}

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "store_bench: %s\n", what.c_str());
  std::exit(1);
}

/// A libpq connection for what is measured against.
class plain_connection {
 public:
  explicit plain_connection(const std::string& url) : c_(PQconnectdb(url.c_str())) {
    if (PQstatus(c_) != CONNECTION_OK) die(PQerrorMessage(c_));
    run("SET synchronous_commit = off");
  }
  ~plain_connection() { PQfinish(c_); }
  plain_connection(const plain_connection&) = delete;
  plain_connection& operator=(const plain_connection&) = delete;

  void run(const std::string& sql) {
    auto* r = PQexec(c_, sql.c_str());
    check(r);
  }
  std::string value(const std::string& sql) {
    auto* r = PQexec(c_, sql.c_str());
    std::string v = PQntuples(r) == 0 ? "" : PQgetvalue(r, 0, 0);
    check(r);
    return v;
  }
  void copy(const std::string& sql, const std::string& data) {
    run(sql);
    if (PQputCopyData(c_, data.data(), static_cast<int>(data.size())) != 1 ||
        PQputCopyEnd(c_, nullptr) != 1) {
      die(PQerrorMessage(c_));
    }
    while (auto* r = PQgetResult(c_)) check(r);
  }
  int pid() const { return PQbackendPID(c_); }
  PGconn* raw() { return c_; }

 private:
  void check(PGresult* r) {
    const auto s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_COPY_IN)
      die(PQerrorMessage(c_));
    PQclear(r);
  }
  PGconn* c_;
};

/// Commits the market batch by batch, as the store actor does.
class committer {
 public:
  explicit committer(store::writer& w) : writer_(w) {}
  void clear() { at_ = {}; }
  void ticks(const stored_market& m) {
    for (std::size_t i = 0; i < m.ticks.size(); i += rows_a_commit) {
      store::batch b;
      b.ticks = std::span(m.ticks).subspan(i, std::min(rows_a_commit, m.ticks.size() - i));
      commit(b, i + b.ticks.size());
    }
  }
  void bars(const stored_market& m) {
    for (std::size_t i = 0; i < m.bars.size(); i += rows_a_commit) {
      store::batch b;
      b.timeframe = one_minute;
      b.bars = std::span(m.bars).subspan(i, std::min(rows_a_commit, m.bars.size() - i));
      commit(b, i + b.bars.size());
    }
  }

 private:
  void commit(store::batch& b, std::uint64_t until) {
    const store::stored_position before{"bench", "bench", 0, at_, 0};
    at_ = {1, until};
    const store::stored_position after{"bench", "bench", 0, at_, 0};
    b.expected = {&before, 1};
    b.positions = {&after, 1};
    if (const auto done = writer_.commit(b); !done) die(done.error().message);
  }
  store::writer& writer_;
  record::position at_;
};

std::string hex(std::string_view bytes) {
  std::string text = "\\x";
  for (const unsigned char c : bytes) {
    text.push_back("0123456789abcdef"[c >> 4U]);
    text.push_back("0123456789abcdef"[c & 15U]);
  }
  return text;
}

std::string time_text(market::timestamp t) {
  const auto seconds = static_cast<time_t>(t / market::second);
  tm g{};
  gmtime_r(&seconds, &g);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00", g.tm_year + 1900,
                g.tm_mon + 1, g.tm_mday, g.tm_hour, g.tm_min, g.tm_sec,
                static_cast<int>(t % market::second / 1000));
  return text;
}

std::string values_of(const record::bar_record& r, std::int32_t id) {
  const auto& b = r.bar;
  std::ostringstream v;
  v << "('" << time_text(b.start) << "','" << time_text(b.end) << "'," << b.open.units << ','
    << b.high.units << ',' << b.low.units << ',' << b.close.units << ',' << b.volume << ',' << b.oi
    << ',' << b.oi_change << ',' << b.vwap.units << ',' << b.first.seq << ',' << b.last.seq << ','
    << r.cause.at.seq << ',' << b.token << ',' << b.revision << ',' << b.ticks << ','
    << r.cause.ordinal << ',' << b.first.epoch << ',' << b.last.epoch << ',' << r.cause.at.epoch
    << ',' << id << ',' << b.flags << ",0,0)";
  return v.str();
}

/// Answers the rate of ticks as rows, so that stores can be compared.
void bench_postgres(const char* name, test::postgres_server& server, const stored_market& m) {
  const auto url = server.url();
  const store::postgres::server where{url, {}, std::chrono::minutes(5)};
  const auto open = [&](store::postgres::tick_layout layout) {
    auto db = store::postgres::open(where, {true, {one_minute}}, {layout, 1, false});
    if (!db) die(db.error().message);
    return std::move(*db);
  };
  const auto rows_db = open(store::postgres::tick_layout::rows);
  const auto packs_db = open(store::postgres::tick_layout::packed);
  committer rows(rows_db->writing());
  committer packs(packs_db->writing());
  // Makes partitions or chunks, and instruments.
  rows.ticks(m);
  packs.clear();
  plain_connection plain(url);
  plain.run("DELETE FROM artham.positions");
  packs.ticks(m);
  packs.clear();
  plain.run("DELETE FROM artham.positions");
  packs.bars(m);
  const auto id_of = [&](std::uint32_t token) {
    return std::stoi(
        plain.value("SELECT instrument_id FROM artham.instruments WHERE "
                    "instrument_token = " +
                    std::to_string(token)));
  };
  std::vector<std::int32_t> by_instrument;
  for (std::size_t i = 0; i < instruments; ++i)
    by_instrument.push_back(id_of(m.ticks[i].core.token));
  const auto id_of_tick = [&](std::uint32_t token, market::timestamp) {
    return by_instrument[(token >> 8U) - 1000];
  };

  std::vector<std::string> copies;
  for (std::size_t i = 0; i < m.ticks.size(); i += rows_a_commit) {
    const auto n = std::min(rows_a_commit, m.ticks.size() - i);
    std::string data;
    const auto made = store::postgres::copy_ticks(std::span(m.ticks).subspan(i, n), id_of_tick,
                                                  [&](std::string_view part) {
                                                    data.append(part);
                                                    return store::postgres::outcome<void>{};
                                                  });
    if (!made) die("encoding");
    copies.push_back(std::move(data));
  }
  std::vector<std::string> values;
  for (std::size_t i = 0; i < m.bars.size(); i += 1000) {
    std::string sql =
        "INSERT INTO artham.bars_1m (bar_start_ts, bar_end_ts, open, high, low, close, volume, oi, "
        "oi_change, vwap, first_seq, last_seq, cause_seq, instrument_token, revision, ticks, "
        "cause_ordinal, first_epoch, last_epoch, cause_epoch, instrument_id, flags, bar_start_ns, "
        "bar_end_ns) VALUES ";
    for (std::size_t k = i; k < std::min(i + 1000, m.bars.size()); ++k)
      sql += (k == i ? "" : ",") + values_of(m.bars[k], by_instrument[k % instruments]);
    values.push_back(sql + " ON CONFLICT DO NOTHING");
  }
  pqxx::connection px(url);
  pqxx::nontransaction(px).exec0("SET synchronous_commit = off");
  const auto backend_of = [&](std::string_view what) {
    return [&plain, what = std::string(what)] {
      const auto pid = plain.value(
          "SELECT pid FROM pg_stat_activity WHERE application_name = 'artham' AND backend_type = "
          "'client backend' ORDER BY backend_start " +
          what + " LIMIT 1");
      return pid.empty() ? 0 : std::stoi(pid);
    };
  };
  const auto truncate = [&](const std::string& table) {
    plain.run("TRUNCATE artham." + table);
    plain.run("DELETE FROM artham.positions");
    plain.run("CHECKPOINT");
    rows.clear();
    packs.clear();
  };
  const std::size_t few = std::min<std::size_t>(2000, m.bars.size());
  const std::vector<way> ways{
      {"bare COPY BINARY, rows", m.ticks.size(), [&] { truncate("ticks"); },
       [&] {
         for (const auto& data : copies) plain.copy(store::postgres::tick_copy, data);
       },
       [&] { return plain.pid(); }},
      {"artham, ticks as rows", m.ticks.size(), [&] { truncate("ticks"); }, [&] { rows.ticks(m); },
       backend_of("ASC")},
      {"libpqxx stream_to, rows", m.ticks.size(), [&] { truncate("ticks"); },
       [&] {
         for (std::size_t i = 0; i < m.ticks.size(); i += rows_a_commit) {
           pqxx::work t(px);
           pqxx::stream_to out(
               t, "artham.ticks",
               std::vector<std::string>{"seq", "receive_ts", "wall_ts", "exchange_ts", "last_price",
                                        "volume", "oi", "epoch", "instrument_id", "fraction",
                                        "mode", "packet"});
           for (std::size_t k = i; k < std::min(i + rows_a_commit, m.ticks.size()); ++k) {
             const auto& r = m.ticks[k];
             out << std::make_tuple(
                 r.core.seq, time_text(r.receive), time_text(r.wall), time_text(r.core.time),
                 r.core.last.units, r.core.volume_or_size, r.core.oi, r.core.epoch,
                 by_instrument[k % instruments], 0, static_cast<int>(r.core.mode), hex(r.packet));
           }
           out.complete();
           t.commit();
         }
       },
       [&] { return px.backendpid(); }},
      {"artham, ticks packed", m.ticks.size(), [&] { truncate("tick_packs"); },
       [&] { packs.ticks(m); }, backend_of("DESC")},
      {"artham, bars", m.bars.size(), [&] { truncate("bars_1m"); }, [&] { packs.bars(m); },
       backend_of("DESC")},
      {"1,000-row VALUES ON CONFLICT", m.bars.size(), [&] { truncate("bars_1m"); },
       [&] {
         for (const auto& sql : values) plain.run(sql);
       },
       [&] { return plain.pid(); }},
      {"bars row by row, a commit each", few, [&] { truncate("bars_1m"); },
       [&] {
         plain.run("SET synchronous_commit = on");
         for (std::size_t i = 0; i < few; ++i) {
           plain.run(
               "INSERT INTO artham.bars_1m (bar_start_ts, bar_end_ts, open, high, low, close, "
               "volume, oi, oi_change, vwap, first_seq, last_seq, cause_seq, "
               "instrument_token, revision, ticks, cause_ordinal, first_epoch, last_epoch, "
               "cause_epoch, instrument_id, flags, bar_start_ns, bar_end_ns) VALUES " +
               values_of(m.bars[i], by_instrument[i % instruments]) + " ON CONFLICT DO NOTHING");
         }
         plain.run("SET synchronous_commit = off");
       },
       [&] { return plain.pid(); }},
  };
  std::printf("%s\n", name);
  const auto all = measure_all(ways);
  for (std::size_t i = 0; i < ways.size(); ++i) print(ways[i], all[i]);
  rows.clear();
  truncate("ticks");
  rows.ticks(m);
  plain.run("DELETE FROM artham.positions");
  truncate("tick_packs");
  packs.ticks(m);
  const auto bytes = [&](const std::string& table) {
    // Of all partitions or chunks: each has the table as an ancestor, or its name in the catalog.
    const auto sum = plain.value(
        "WITH RECURSIVE parts AS (SELECT 'artham." + table +
        "'::regclass::oid AS oid UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN parts p ON "
        "i.inhparent = p.oid) SELECT sum(pg_total_relation_size(oid)) FROM parts");
    return std::stod(sum) / static_cast<double>(m.ticks.size());
  };
  const auto row_bytes = bytes("ticks");
  const auto pack_bytes = bytes("tick_packs");
  std::printf("  rows:   %.2f of the bare COPY (at least 0.9), %.1f times stream_to (at least 3)\n",
              all[1].rate / all[0].rate, all[1].rate / all[2].rate);
  std::printf(
      "  packed: %.1f times rows (at least 4); MB a million ticks: rows %.0f, packed %.0f\n",
      all[3].rate / all[1].rate, row_bytes, pack_bytes);
  std::printf("  bars:   %.1f times VALUES (at least 2.5), %.0f times row by row (at least 40)\n",
              all[4].rate / all[5].rate, all[4].rate / all[6].rate);
  std::fflush(stdout);
}

/// SQLite through its own calls and nothing else, with the same columns and settings.
class plain_sqlite {
 public:
  explicit plain_sqlite(const std::string& file) {
    if (sqlite3_open(file.c_str(), &db_) != SQLITE_OK) die(sqlite3_errmsg(db_));
    for (const auto* sql :
         {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA cache_size = -131072",
          "PRAGMA wal_autocheckpoint = 16384",
          "CREATE TABLE ticks (seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, instrument_id "
          "INTEGER NOT NULL, mode INTEGER NOT NULL, receive_ts INTEGER NOT NULL, wall_ts INTEGER "
          "NOT NULL, exchange_ts INTEGER NOT NULL, last_price INTEGER NOT NULL, volume INTEGER, oi "
          "INTEGER, packet BLOB)"}) {
      run(sql);
    }
    sqlite3_prepare_v2(db_, "INSERT INTO ticks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -1,
                       &insert_, nullptr);
  }
  ~plain_sqlite() {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
  }
  plain_sqlite(const plain_sqlite&) = delete;
  plain_sqlite& operator=(const plain_sqlite&) = delete;

  void run(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) die(sqlite3_errmsg(db_));
  }
  void ticks(const stored_market& m) {
    for (std::size_t i = 0; i < m.ticks.size(); i += rows_a_commit) {
      run("BEGIN IMMEDIATE");
      for (std::size_t k = i; k < std::min(i + rows_a_commit, m.ticks.size()); ++k) {
        const auto& t = m.ticks[k];
        const auto& c = t.core;
        int n = 0;
        for (const auto v :
             {static_cast<std::int64_t>(c.seq), std::int64_t{c.epoch},
              static_cast<std::int64_t>(k % instruments), static_cast<std::int64_t>(c.mode),
              t.receive, t.wall, c.time, c.last.units, c.volume_or_size, c.oi}) {
          sqlite3_bind_int64(insert_, ++n, v);
        }
        sqlite3_bind_blob(insert_, ++n, t.packet.data(), static_cast<int>(t.packet.size()),
                          SQLITE_STATIC);
        if (sqlite3_step(insert_) != SQLITE_DONE) die(sqlite3_errmsg(db_));
        sqlite3_reset(insert_);
      }
      run("COMMIT");
    }
  }

 private:
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

void bench_sqlite(const stored_market& m) {
  const test::scratch dir;
  std::unique_ptr<plain_sqlite> plain;
  std::unique_ptr<store::database> db;
  std::optional<committer> ours;
  const auto fresh = [&] {
    ours.reset();
    db.reset();
    plain.reset();
    std::filesystem::remove_all(dir.path() / "db");
    std::filesystem::create_directories(dir.path() / "db");
  };
  const auto open_ours = [&] {
    fresh();
    auto opened = store::sqlite::open(dir.path() / "db" / "artham.db", {true, {one_minute}});
    if (!opened) die(opened.error().message);
    db = std::move(*opened);
    ours.emplace(db->writing());
  };
  const auto nobody = [] { return 0; };
  const std::vector<way> ways{
      {"bare prepared statement", m.ticks.size(),
       [&] {
         fresh();
         plain = std::make_unique<plain_sqlite>((dir.path() / "db" / "plain.db").string());
       },
       [&] { plain->ticks(m); }, nobody},
      {"artham, ticks", m.ticks.size(), open_ours, [&] { ours->ticks(m); }, nobody},
      {"artham, bars", m.bars.size(), open_ours, [&] { ours->bars(m); }, nobody},
  };
  std::printf("SQLite\n");
  const auto all = measure_all(ways);
  for (std::size_t i = 0; i < ways.size(); ++i) print(ways[i], all[i]);
  open_ours();
  ours->ticks(m);
  db.reset();
  const auto bytes =
      static_cast<double>(std::filesystem::file_size(dir.path() / "db" / "artham.db"));
  std::printf("  ticks: %.2f of the bare loop (at least 0.95); MB a million ticks: %.0f\n",
              all[1].rate / all[0].rate, bytes / static_cast<double>(m.ticks.size()));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto thousands = argc > 1 ? std::atol(argv[1]) : 300;
  const std::string only = argc > 2 ? argv[2] : "";
  const auto recorded =
      test::source_dir() + "/../shared/data/kite/recorded/nifty25decfut_ticks_0717_0719utc.hex";
  const auto m = make_stored_market(recorded, static_cast<std::size_t>(thousands) * 1000,
                                    instruments, 100'000);
  std::printf("%ld thousand ticks in full mode of %zu instruments, packets %s; %zu rows a commit\n",
              thousands, instruments, m.real ? "of a real feed" : "made up", rows_a_commit);
  if (only.empty() || only == "sqlite") bench_sqlite(m);
  if (only.empty() || only == "postgres") {
    auto server = test::postgres_server::plain({.roomy = true});
    bench_postgres("PostgreSQL 15", server, m);
  }
  if (!only.empty() && only != "timescale") return 0;
  if (auto server = test::timescale_or_say_why({.roomy = true}))
    bench_postgres("TimescaleDB, PostgreSQL 17", *server, m);
}

// GET /v1/bars of the program, 500 bars at a time, out of very many rows that a generator made in
// the database.
//   history_bench [million rows [seconds to make them at the most [postgres|timescale]]]
#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bench/measure.hpp"
#include "store/postgres/database.hpp"
#include "tests/support/places.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/process.hpp"
#include "tests/support/ws_client.hpp"

namespace {

using namespace artham;         // NOLINT(google-build-using-namespace)
using namespace artham::bench;  // NOLINT(google-build-using-namespace)

constexpr int requests = 3000;
constexpr int bars_a_request = 500;
constexpr int bars_a_day = 375;
const auto one_minute = *market::parse_timeframe("1m");

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "history_bench: %s\n", what.c_str());
  std::exit(1);
}

class session {
 public:
  explicit session(const std::string& url) : c_(PQconnectdb(url.c_str())) {
    if (PQstatus(c_) != CONNECTION_OK) die(PQerrorMessage(c_));
  }
  ~session() { PQfinish(c_); }
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  /// Its first column.
  std::vector<std::string> ask(const std::string& sql) {
    auto* r = PQexec(c_, sql.c_str());
    const auto s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK) die(PQerrorMessage(c_));
    std::vector<std::string> all;
    for (int i = 0; i < PQntuples(r); ++i) all.emplace_back(PQgetvalue(r, i, 0));
    PQclear(r);
    return all;
  }

 private:
  PGconn* c_;
};

/// A trading month of every instrument, as a partition or as chunks; the months go back in time.
void make_month(session& db, int months_ago, bool hypertable) {
  const auto from = "date_trunc('month', timestamptz '2026-11-01') - interval '" +
                    std::to_string(months_ago) + " months'";
  const auto name = "bars_1m_" + db.ask("SELECT to_char(" + from + ", 'YYYYMM')").front();
  const std::string rows =
      " SELECT d + interval '3 hours 45 minutes' + m * interval '1 minute', d + interval '3 hours "
      "46 "
      "minutes' + m * interval '1 minute', p, p + 5000000, p - 5000000, p + 1000000, 1000 + m, "
      "NULL, "
      "NULL, p, n, n + 59, n + 60, i.instrument_token, 0, 60, 0, 1, 1, 1, i.instrument_id, 0, 0, 0 "
      "FROM artham.instruments AS i, generate_series(" +
      from + ", " + from + " + interval '27 days', interval '1 day') AS d, generate_series(0, " +
      std::to_string(bars_a_day - 1) +
      ") AS m, LATERAL (SELECT 100000000000 + (i.instrument_id * 7919 + m * 104729) % 90000 * "
      "50000000::bigint AS p, (extract(epoch FROM d)::bigint + m) * 64 AS n) AS v WHERE "
      "extract(dow "
      "FROM d) BETWEEN 1 AND 5 ORDER BY i.instrument_id, d, m";
  if (hypertable) {
    db.ask("INSERT INTO artham.bars_1m" + rows);
    return;
  }
  db.ask("CREATE TABLE artham." + name + " (LIKE artham.bars_1m); INSERT INTO artham." + name +
         rows + "; ALTER TABLE artham." + name +
         " ADD PRIMARY KEY (instrument_id, bar_start_ts, bar_start_ns, revision); ALTER TABLE "
         "artham.bars_1m ATTACH PARTITION artham." +
         name + " FOR VALUES FROM (date_trunc('month', timestamptz '2026-11-01') - interval '" +
         std::to_string(months_ago) +
         " months') TO (date_trunc('month', timestamptz '2026-11-01') - "
         "interval '" +
         std::to_string(months_ago - 1) + " months')");
}

double percentile(std::vector<double> v, double p) {
  std::sort(v.begin(), v.end());
  return v[std::min(v.size() - 1, static_cast<std::size_t>(p * static_cast<double>(v.size())))];
}

}  // namespace

int main(int argc, char** argv) {
  const double wanted = (argc > 1 ? std::atof(argv[1]) : 100) * 1e6;
  const double patience = argc > 2 ? std::atof(argv[2]) : 900;
  const bool timescale = argc > 3 && std::string(argv[3]) == "timescale";
  test::postgres_server::options roomy;
  roomy.roomy = true;
  auto server =
      timescale ? test::postgres_server::timescale(roomy) : test::postgres_server::plain(roomy);
  if (timescale) server.sql("CREATE EXTENSION timescaledb");
  const test::scratch data;
  std::vector<std::string> command{test::program(), "run",
                                   "--data",        data.path().string(),
                                   "--set",         "web.port=0",
                                   "--set",         "store.kind=postgres",
                                   "--set",         "exchange.instruments=400",
                                   "--set",         "features.enabled=false",
                                   "--set",         "exchange.chains=false"};
  setenv("ARTHAM_STORE__POSTGRES__URL", server.url().c_str(), 1);
  {
    // Instruments, schema and tables.
    test::process first(command);
    if (!first.line()) die(first.errors());
    first.signal(SIGTERM);
    first.wait();
  }
  session db(server.url());
  // Nothing of the real market of today: its journal has the rows.
  db.ask("SET TimeZone = 'UTC'; SET work_mem = '256MB'; SET maintenance_work_mem = '1GB'");
  const auto begun = std::chrono::steady_clock::now();
  double rows = 0;
  int months = 0;
  while (rows < wanted && seconds_since(begun) < patience) {
    make_month(db, ++months, timescale);
    rows =
        std::stod(db.ask("SELECT count(DISTINCT instrument_id) FROM artham.instruments").front()) *
        bars_a_day * 20.0 * months;
  }
  db.ask("ANALYZE artham.bars_1m");
  rows = std::stod(db.ask("SELECT count(*) FROM artham.bars_1m").front());
  std::printf("%s: %.1f M bars of 1m in %d months, made in %.0f s, %s\n",
              timescale ? "TimescaleDB" : "PostgreSQL 15", rows / 1e6, months, seconds_since(begun),
              db.ask("SELECT pg_size_pretty(pg_database_size('artham'))").front().c_str());
  const auto tokens = db.ask("SELECT DISTINCT instrument_token FROM artham.instruments");

  test::process node(command);
  const auto url = node.line();
  if (!url) die(node.errors());
  const auto port = static_cast<std::uint16_t>(std::stoi(url->substr(url->rfind(':') + 1)));
  std::mt19937_64 random(1);
  const std::int64_t last = 1'793'491'200;  // 2026-11-01
  for (const char* what :
       {"from a random time on", "the newest before a random time", "the newest"}) {
    std::vector<double> milliseconds;
    for (int i = 0; i < requests; ++i) {
      const auto& token = tokens[random() % tokens.size()];
      const auto day = last -
                       static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(
                                                                std::max(months - 2, 1) * 30 + 1)) *
                           86'400 -
                       60 * 86'400;
      auto target =
          "/v1/bars?instrument=" + token + "&timeframe=1m&limit=" + std::to_string(bars_a_request);
      if (what[0] == 'f') target += "&from=" + market::to_rfc3339(day * market::second, 0);
      if (what[4] == 'n' && what[10] == ' ')
        target += "&order=desc&to=" + market::to_rfc3339(day * market::second, 0);
      if (std::string(what) == "the newest") target += "&order=desc&to=2026-11-01T00:00:00Z";
      const auto t = std::chrono::steady_clock::now();
      const auto answer = test::http_get(port, target);
      milliseconds.push_back(seconds_since(t) * 1e3);
      if (answer.status != 200) die(target + ": " + answer.body);
      if (i == 0 && static_cast<int>(std::count(answer.body.begin(), answer.body.end(), '{')) <
                        bars_a_request) {
        die(target + " has fewer bars than asked for: " + answer.body.substr(0, 300));
      }
    }
    std::printf("  500 bars, %-32s p50 %6.2f ms  p99 %6.2f ms  first %6.2f ms\n", what,
                percentile(milliseconds, 0.5), percentile(milliseconds, 0.99),
                milliseconds.front());
    std::fflush(stdout);
  }
  node.signal(SIGTERM);
  node.wait();
}

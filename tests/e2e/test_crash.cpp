#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/node.hpp"
#include "tests/support/places.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string sql(const std::string& db, const std::string& query) {
  return run_to_end({"/usr/bin/sqlite3", db, query}).out;
}

}  // namespace

TEST_CASE("kill -9 at any moment loses nothing but what a gap mark says, and doubles nothing") {
  // ARTHAM_CRASH_COUNT and ARTHAM_CRASH_SEED: script/soak crash takes ten kills.
  const auto kills = number("ARTHAM_CRASH_COUNT", 3);
  const auto seed = number("ARTHAM_CRASH_SEED", 1);
  MESSAGE("seed " << seed << ", " << kills << " kills");
  std::mt19937_64 random(seed);
  const scratch dir;
  process exchange({artham::test::program(), "exchange", "--synthetic", "60", "--speed", "40",
                    "--every-second", "--date", "2026-11-20"});
  const auto url = exchange.line();
  REQUIRE(url);
  const std::vector<std::string> options{
      "--set", "feed.url=" + *url,      "--set", "store.ticks=table",
      "--set", "feed.backoff_min=50ms", "--set", "bars.timeframes=5s 30s 1m"};
  for (std::uint64_t i = 0; i < kills; ++i) {
    node n(dir / "data", options);
    std::uint64_t before = 0;
    const auto more = 500 + random() % 6000;
    REQUIRE(n.wait_for([&](const json& s) {
      const auto now = s["ticks_received"].get<std::uint64_t>();
      if (before == 0) before = now;
      return now >= more;
    }));
    n.process().signal(SIGKILL);
    CHECK(n.process().wait() == 128 + SIGKILL);
  }
  {
    node n(dir / "data", options);
    REQUIRE(
        n.wait_for([&](const json& s) { return s["ticks_received"].get<std::uint64_t>() > 3000; }));
    // The feed ends; what came in is stored.
    exchange.signal(SIGKILL);
    exchange.wait();
    REQUIRE(n.wait_for([](const json& s) { return s["feed"]["state"] != "live"; }));
    CHECK(n.stop() == 0);
  }
  const auto db = dir / "data/artham.db";
  // Each journaled tick is stored once: positions between the first and the last are ticks or
  // marks.
  const auto replayed = run_to_end(
      {artham::test::program(), "replay", "--journal", dir / "data", "--out", dir / "out"});
  REQUIRE_MESSAGE(replayed.code == 0, replayed.err);
  const auto ticks = replayed.out.substr(6, replayed.out.find('\n') - 6);
  const auto rows_of = [&](const std::string& tf) {
    const auto name = "bars_" + tf + ".csv ";
    const auto at = replayed.out.find(name) + name.size();
    return replayed.out.substr(at, replayed.out.find('\n', at) - at + 1);
  };
  {
    // What was journaled and not yet stored when it stopped is stored by the next run, exchange or
    // not.
    node n(dir / "data", options);
    CHECK(n.wait_for([&](const json&) {
      return sql(db, "SELECT COUNT(*) FROM ticks") == ticks + "\n" &&
             sql(db, "SELECT COUNT(*) FROM bars_5s") == rows_of("5s") &&
             sql(db, "SELECT COUNT(*) FROM bars_30s") == rows_of("30s") &&
             sql(db, "SELECT COUNT(*) FROM bars_1m") == rows_of("1m");
    }));
    CHECK(n.stop() == 0);
  }
  CHECK(sql(db, "SELECT COUNT(*) FROM (SELECT 1 FROM ticks GROUP BY seq HAVING COUNT(*) > 1)") ==
        "0\n");
  // Each restart is one gap of positive length, and gaps are all that is missing.
  const auto restarts = std::to_string(kills);
  CHECK(sql(db, "SELECT COUNT(*) FROM gaps WHERE cause = 3 AND to_ts > from_ts") ==
        restarts + "\n");
  // Ticks of all instruments come every second of market time: outside of gaps no instrument misses
  // one.
  CHECK(sql(db,
            "WITH t AS (SELECT instrument_id, exchange_ts, LAG(exchange_ts) OVER (PARTITION BY "
            "instrument_id ORDER BY seq) "
            "AS previous FROM ticks WHERE exchange_ts IS NOT NULL) SELECT COUNT(*) FROM t WHERE "
            "exchange_ts > previous + "
            "2000000000 AND NOT EXISTS (SELECT 1 FROM gaps WHERE from_ts <= exchange_ts AND to_ts "
            "+ 1000000000 >= previous)") == "0\n");
  // Each bar is stored once and equals the recomputation.
  for (const auto* tf : {"5s", "30s", "1m"}) {
    const auto stored = sql(db, std::string("SELECT instrument_token || ' ' || (open / 10000000) "
                                            "|| ' ' || (high / 10000000) || ' ' || "
                                            "(low / 10000000) || ' ' || (close / 10000000) || ' ' "
                                            "|| COALESCE(volume, '') || ' ' || ticks "
                                            "FROM bars_") +
                                    tf + " ORDER BY instrument_token, bar_start_ts");
    std::string rebuilt;
    std::size_t rows = 0;
    const auto csv = read_file(dir / (std::string("out/bars_") + tf + ".csv"));
    for (std::size_t at = csv.find('\n') + 1; at < csv.size();) {
      const auto end = csv.find('\n', at);
      std::vector<std::string> cells(1);
      for (auto i = at; i < end; ++i) {
        if (csv[i] == ',') {
          cells.emplace_back();
        } else {
          cells.back() += csv[i];
        }
      }
      rebuilt += cells[0];
      for (const auto column : {2, 3, 4, 5}) {
        const auto paise = std::llround(std::stod(cells[static_cast<std::size_t>(column)]) * 100);
        rebuilt += " " + std::to_string(paise);
      }
      rebuilt += " " + cells[6] + " " + cells[10] + "\n";
      ++rows;
      at = end + 1;
    }
    CHECK(rows > 0);
    INFO(tf);
    const bool same = stored == rebuilt;
    CHECK(same);
  }
}

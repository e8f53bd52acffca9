#include <doctest/doctest.h>

#include <string>

#include "tests/e2e/recorded.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

TEST_CASE("every stored bar of a run is proven by its journal, and a changed one is found out") {
  const scratch dir;
  const auto data = dir / "data";
  node n(data,
         {"--recording", recording, "--speed", "max", "--set", "bars.timeframes=10s 1m 5m 1D 3t"});
  REQUIRE(n.wait_for(settled));
  std::size_t proven = 0;
  json one;
  for (const std::string timeframe : {"10s", "1m", "1D", "3t"}) {
    std::istringstream lines(
        sql(data, "SELECT instrument_token, bar_start_ts / 1000, ticks FROM bars_" + timeframe));
    for (std::string line; std::getline(lines, line);) {
      const auto first = line.find('|');
      const auto second = line.find('|', first + 1);
      const auto d =
          n.get("/v1/bars/proof?instrument=" + line.substr(0, first) + "&timeframe=" + timeframe +
                "&start=" + line.substr(first + 1, second - first - 1));
      CAPTURE(line);
      REQUIRE_MESSAGE(d.value("equal", false), d.dump(1));
      CHECK(d["ticks"].size() >= static_cast<std::size_t>(std::stoi(line.substr(second + 1))));
      CHECK(d["recomputed"] == d["stored"]);
      ++proven;
      if (timeframe == "1m") one = d;
    }
  }
  CHECK(proven > 20);

  const auto start = one["stored"]["start"].dump();
  const auto token = sql(data, "SELECT instrument_token FROM bars_1m WHERE first_seq = " +
                                   one["stored"]["first"]["seq"].dump());
  const auto proof = "/v1/bars/proof?timeframe=1m&start=" + start +
                     "&instrument=" + token.substr(0, token.size() - 1);
  REQUIRE(n.get(proof)["equal"] == true);
  sql(data, "UPDATE bars_1m SET high = high + 50000000 WHERE first_seq = " +
                one["stored"]["first"]["seq"].dump());
  const auto changed = n.get(proof);
  CHECK(changed["equal"] == false);
  REQUIRE(changed["differences"].size() == 1);
  CHECK(changed["differences"][0]["column"] == "high");
  CHECK(changed["differences"][0]["recomputed"] == one["stored"]["high"]);

  CHECK(http_get(n.port(), "/v1/bars/proof?instrument=NSE:NOSUCH&timeframe=1m&start=0").status ==
        404);
  CHECK(http_get(n.port(), proof + "&revision=7").status == 404);
  CHECK(http_get(n.port(), "/v1/bars/proof?instrument=1&timeframe=7m&start=0").status == 400);
  CHECK(n.stop() == 0);
}

TEST_CASE("revisions of a feed that delays and repeats packets are proven while it runs on") {
  const scratch dir;
  const auto data = dir / "data";
  process exchange({artham::test::program(), "exchange", "--synthetic", "20", "--speed", "60",
                    "--disorder", "delayed=20,duplicated=5,delay=30s,seed=7"});
  const auto url = exchange.line();
  REQUIRE_MESSAGE(url, exchange.errors());
  const std::vector<std::string> about{"--set", "feed.url=" + *url,
                                       "--set", "feed.clock=exchange",
                                       "--set", "bars.timeframes=10s 1m"};
  {
    node n(data, about);
    REQUIRE(n.wait_for(
        [](const json& s) { return s["metrics"].value("artham_bars_revised_total.1m", 0) >= 5; }));
    n.stop(SIGKILL);
  }
  node n(data, about);
  REQUIRE(n.wait_for(
      [](const json& s) { return s["metrics"].value("artham_bars_revised_total.1m", 0) >= 5; }));
  std::istringstream lines(
      sql(data,
          "SELECT instrument_token, bar_start_ts / 1000, revision FROM bars_1m WHERE revision > 0 "
          "OR flags & 2 ORDER BY cause_seq DESC LIMIT 20"));
  int late = 0;
  int proven = 0;
  for (std::string line; std::getline(lines, line); ++proven) {
    const auto first = line.find('|');
    const auto second = line.find('|', first + 1);
    const auto d = n.get("/v1/bars/proof?instrument=" + line.substr(0, first) +
                         "&timeframe=1m&start=" + line.substr(first + 1, second - first - 1) +
                         "&revision=" + line.substr(second + 1));
    CAPTURE(line);
    REQUIRE_MESSAGE(d.value("equal", false), d.dump(1).substr(0, 3000));
    for (const auto& t : d["ticks"]) late += t["fate"] == "late" ? 1 : 0;
  }
  CHECK(proven >= 5);
  CHECK(late > 0);
  CHECK(n.stop() == 0);
  exchange.signal(SIGTERM);
  CHECK(exchange.wait() == 0);
}

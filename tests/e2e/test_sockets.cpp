#include <doctest/doctest.h>

#include <csignal>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/quick_exchange.hpp"
#include "tests/e2e/recorded.hpp"
#include "tests/support/tcp_proxy.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

std::set<std::string> lines(const std::string& text) {
  std::set<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.insert(line);
  return all;
}

bool all_live(const json& s, std::size_t n) {
  const auto connections = s["feed"].value("connections", json::array());
  return connections.size() == n && std::ranges::all_of(connections, [](const json& c) {
           return c["state"] == "live" && c["instruments"] == 20;
         });
}

}  // namespace

TEST_CASE("one connection of several is cut: its bars alone have a gap, live and in every replay") {
  // A key may have three sockets of 20 instruments each.
  const auto exchange = quick_exchange(60, {3, 20});
  tcp_proxy proxy(exchange->port());
  const scratch dir;
  const auto data = dir / "data";
  const std::vector<std::string> about{
      "--set", "feed.url=ws://127.0.0.1:" + std::to_string(proxy.port()),
      "--set", "feed.rest_url=http://127.0.0.1:" + std::to_string(exchange->port()),
      "--set", "feed.max_tokens_per_socket=20",
      "--set", "feed.backoff_min=500ms",
      "--set", "bars.timeframes=5s 1m",
      "--set", "store.ticks=table"};
  const auto a_minute_on = [](const node& n) {
    const auto then = n.get("/v1/status")["ticks_received"].get<std::uint64_t>();
    return n.wait_for([&](const json& s) {
      return all_live(s, 3) && s["ticks_received"].get<std::uint64_t>() > then + 60 * 90;
    });
  };
  {
    node n(data, about);
    REQUIRE(a_minute_on(n));
    CHECK(n.get("/v1/status")["gaps"] == 0);
    proxy.cut_after(tcp_proxy::way::to_client, 10'000);
    REQUIRE(n.wait_for([](const json& s) { return s["feed"]["state"] == "backing_off"; }));
    CHECK(http_get(n.port(), "/readyz").status == 200);
    REQUIRE(n.wait_for([](const json& s) { return s.value("gaps", 0) == 1; }));
    REQUIRE(a_minute_on(n));
    CHECK(n.get("/v1/status")["gaps"] == 1);
    CHECK(proxy.made() == 4);  // nobody else's connection was made anew
    n.stop(SIGKILL);
  }
  {
    // After a kill all connections come anew, one after the other.
    node n(data, about);
    REQUIRE(a_minute_on(n));
    CHECK(n.stop() == 0);
  }
  const auto verified = artham::test::artham({"verify", "--data", data});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
  const auto digest = digest_of(verified);
  for (const auto& [threads, batch] : {std::pair("1", "1"), {"2", "64"}, {"2", "262144"}}) {
    const auto replayed =
        artham::test::artham({"replay", "--journal", data, "--out", dir / "replayed", "--set",
                              std::string("runtime.threads=") + threads, "--set",
                              std::string("runtime.batch=") + batch});
    CHECK(digest_of(replayed) == digest);
  }

  const std::string lost =
      "(SELECT epoch, seq, from_ts, to_ts FROM gaps WHERE epoch = (SELECT MIN(epoch) FROM gaps)) "
      "AS g";
  REQUIRE(sql(data, "SELECT COUNT(*), to_ts - from_ts > 20000000000 FROM " + lost) == "1|1\n");
  const auto ticked =
      lines(sql(data, "SELECT DISTINCT instrument_id FROM ticks, " + lost +
                          " WHERE receive_ts > g.from_ts AND receive_ts < g.to_ts"));
  const auto flagged = lines(sql(data, "SELECT DISTINCT instrument_id FROM bars_5s, " + lost +
                                           " WHERE flags & 2 AND cause_epoch = g.epoch"));
  CHECK(ticked.size() == 40);
  CHECK(flagged.size() == 20);
  for (const auto& token : flagged) CHECK_FALSE(ticked.contains(token));
  // Bars of those who ticked on have all their ticks; the lost ones miss whole bars.
  // The connection may have been ahead of market time by a clock interval, and begins again with
  // the newest tick of before.
  const auto bars_within = [&](const std::string& of) {
    return sql(data,
               "SELECT COUNT(DISTINCT instrument_token), MIN(b.ticks) FROM bars_5s AS b, " + lost +
                   " WHERE cause_epoch = g.epoch AND bar_start_ts > g.from_ts + 1000000000 AND "
                   "bar_end_ts <= g.to_ts - 5000000000 AND flags & 2 = " +
                   of);
  };
  CHECK(bars_within("0") == "40|5\n");
  CHECK(bars_within("2").starts_with("0|"));
}

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/e2e/quick_exchange.hpp"
#include "tests/e2e/recorded.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

TEST_CASE("an exchange that goes mute is left, and the gap begins with the last tick") {
  const auto exchange = quick_exchange(5);
  const scratch dir;
  const auto data = dir / "data";
  const std::string url = "ws://127.0.0.1:" + std::to_string(exchange->port());
  {
    node n(data, {"--set", "feed.url=" + url, "--set", "feed.backoff_min=20ms", "--set",
                  "feed.stall=500ms", "--set", "feed.stall_start=30s", "--set",
                  "bars.timeframes=5s 1m", "--set", "store.ticks=table"});
    // It is known what is usual: less than the half minute of a beginning is a stall.
    REQUIRE(n.wait_for([](const json& s) {
      const auto& t = s["feed"]["ticks"];
      const auto limit = t.value("stall_limit_ms", 0);
      return limit > 0 && limit < 30'000 && t.value("expected_frames_per_hour", 0) >= 3600;
    }));
    CHECK(n.get("/v1/status")["gaps"] == 0);
    exchange->misbehave({exchange::mischief::mute});
    REQUIRE(n.wait_for([](const json& s) { return s.value("gaps", 0) == 1; }));
    const auto then = n.get("/v1/status")["ticks_received"].get<std::uint64_t>();
    REQUIRE(n.wait_for([&](const json& s) {
      return s["feed"]["state"] == "live" && s["ticks_received"].get<std::uint64_t>() > then + 500;
    }));
    const auto after = n.get("/v1/status");
    CHECK(after["gaps"] == 1);
    CHECK(after["feed"]["ticks"]["stalls"] == 1);
    CHECK(n.stop() == 0);
    CHECK(n.process().errors().find("connected, but no tick for") != std::string::npos);
  }
  const auto verified = artham::test::artham({"verify", "--data", data});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);

  // The mark lies behind the last tick that was heard, and before the first that is new.
  const auto gap = sql(data,
                       "SELECT COUNT(*) FROM gaps g WHERE cause = 2 AND from_ts = (SELECT "
                       "MAX(receive_ts) FROM ticks WHERE seq < g.seq) AND to_ts <= (SELECT "
                       "MIN(receive_ts) FROM ticks WHERE seq > g.seq) AND to_ts - from_ts >= "
                       "1000000000");
  CHECK(gap == "1\n");
  CHECK(sql(data, "SELECT COUNT(*) FROM gaps") == "1\n");
}

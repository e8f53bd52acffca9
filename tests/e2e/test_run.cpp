#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "tests/e2e/node.hpp"
#include "tests/support/places.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

bool is_event(const json& m, const char* ev) {
  return m.value("ev", "") == ev;
}

}  // namespace

TEST_CASE("with no configuration ticks become live and final bars on WebSocket and REST") {
  const scratch dir;
  node n(dir / "data", {"--speed", "60"});
  REQUIRE(n.wait_for([](const json& s) { return s["feed"].value("state", "") == "live"; }));
  ws_client ws(n.port());
  ws.send(
      R"({"id":1,"op":"sub","keys":["bar:NSE:NIFTY 50:1m","tick:NSE:NIFTY 50"],"history":100})");
  const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
  REQUIRE(reply);
  INFO(reply->dump());
  CHECK((*reply)["ok"] == true);
  REQUIRE((*reply)["subs"].size() == 2);
  CHECK((*reply)["subs"][0]["key"] == "bar:NSE:NIFTY 50:1m");

  const auto tick = ws.next_that([](const json& m) { return is_event(m, "tick"); });
  REQUIRE(tick);
  CHECK((*tick)["tick"]["last"].is_string());
  const auto live =
      ws.next_that([](const json& m) { return is_event(m, "bar") && m["bar"]["final"] == false; });
  REQUIRE(live);
  const auto final_bar =
      ws.next_that([](const json& m) { return is_event(m, "bar") && m["bar"]["final"] == true; });
  REQUIRE(final_bar);

  // What was pushed as final is what the store keeps.
  const auto start = (*final_bar)["bar"]["start"].get<std::int64_t>();
  json stored;
  CHECK(n.wait_for([&](const json&) {
    const auto a = n.get("/v1/bars?instrument=NSE:NIFTY%2050&timeframe=1m&limit=1000");
    for (const auto& b : a["bars"]) {
      if (b["start"] == start) stored = b;
    }
    return !stored.is_null();
  }));
  CHECK(stored == (*final_bar)["bar"]);

  CHECK(http_get(n.port(), "/livez").status == 200);
  CHECK(http_get(n.port(), "/readyz").status == 200);
  const auto metrics = http_get(n.port(), "/metrics").body;
  for (const auto* name : {"artham_ticks_received_total", "artham_bars_final_total",
                           "artham_gaps_total", "artham_reader_lag", "artham_store_lag",
                           "artham_ingest_queue_bytes", "artham_supervisor_restarts_total"}) {
    CHECK_MESSAGE(metrics.find(name) != std::string::npos, name);
  }
  const auto tree = n.get("/v1/system/tree");
  std::set<std::string> roles;
  for (const auto& child : tree["children"]) roles.insert(child["id"].get<std::string>());
  CHECK(roles == std::set<std::string>{"bars", "features", "gateway", "ingest", "journal",
                                       "replays", "store"});
  CHECK(n.stop() == 0);
}

TEST_CASE("a subscription that makes no sense is refused by name and disturbs nobody") {
  const scratch dir;
  node n(dir / "data", {"--speed", "30"});
  REQUIRE(n.wait_for([](const json& s) { return s["feed"].value("state", "") == "live"; }));
  ws_client good(n.port());
  good.send(R"({"id":"g","op":"sub","keys":["tick:NSE:NIFTY 50"]})");
  REQUIRE(good.next_that([](const json& m) { return m.contains("id"); }));

  ws_client bad(n.port());
  const auto refused = [&bad](const std::string& command) {
    bad.send(command);
    const auto m = bad.next();
    REQUIRE(m);
    CHECK((*m)["ok"] == false);
    return (*m)["error"];
  };
  const auto unknown = refused(R"({"id":1,"op":"sub","keys":["bar:NSE:NOSUCH:1m"]})");
  CHECK(unknown["code"] == 4404);
  CHECK(unknown["name"] == "unknown_instrument");
  CHECK(unknown["message"].get<std::string>().find("NSE:NOSUCH") != std::string::npos);
  CHECK(refused(R"({"id":2,"op":"sub","keys":["bar:NSE:NIFTY 50:7m"]})")["code"] == 4405);
  CHECK(refused(R"({"id":3,"op":"sub","keys":["bar:NSE:NIFTY 50:purple"]})")["code"] == 4400);
  CHECK(refused(R"({"id":4,"op":"dance"})")["code"] == 4400);
  CHECK(refused("garbage")["code"] == 4400);
  CHECK(refused("[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]")["code"] == 4400);
  bad.send(R"({"id":5,"op":"ping"})");
  const auto pong = bad.next();
  REQUIRE(pong);
  CHECK((*pong)["op"] == "pong");

  ws_client huge(n.port());
  huge.send(std::string(1U << 20U, 'x'));
  CHECK_FALSE(huge.next());
  CHECK(huge.close_code() == 1009);
  const ws_client silent(n.port());
  CHECK(good.next_that([](const json& m) { return is_event(m, "tick"); }));

  // A key that was given back is not pushed any more.
  good.send(R"({"id":"u","op":"unsub","keys":["tick:NSE:NIFTY 50"]})");
  REQUIRE(good.next_that([](const json& m) { return m.value("id", "") == "u"; }));
  good.send(R"({"id":"p","op":"ping"})");
  const auto next = good.next();
  REQUIRE(next);
  CHECK((*next)["id"] == "p");
  CHECK(n.stop(SIGINT) == 0);
}

TEST_CASE(
    "started with signals ignored it stops on SIGTERM, and the next run goes on with the downtime "
    "as a gap") {
  const scratch dir;
  std::uint64_t ticks = 0;
  {
    node n(dir / "data", {"--speed", "20"}, true);
    REQUIRE(
        n.wait_for([](const json& s) { return s["ticks_received"].get<std::uint64_t>() > 2000; }));
    CHECK(n.stop() == 0);
    CHECK_MESSAGE(n.process().errors().find("no checkpoint") == std::string::npos,
                  n.process().errors());
  }
  node n(dir / "data", {"--speed", "20"});
  REQUIRE(n.wait_for(
      [&](const json& s) { return s["ticks_received"].get<std::uint64_t>() > ticks + 100; }));
  json gaps;
  REQUIRE(n.wait_for([&](const json&) {
    gaps = n.get("/v1/gaps");
    return gaps["gaps"].size() == 1;
  }));
  CHECK(gaps["gaps"][0]["cause"] == "restart");
  CHECK(gaps["gaps"][0]["to"].get<std::int64_t>() > gaps["gaps"][0]["from"].get<std::int64_t>());
  CHECK(n.stop() == 0);
}

TEST_CASE("the market of a default run has living option chains") {
  const scratch dir;
  node n(dir / "data", {"--speed", "60", "--set", "exchange.chains=true"});
  REQUIRE(n.wait_for([](const json& s) { return s["feed"].value("state", "") == "live"; }));
  const auto found = n.get("/v1/instruments?query=nifty&exchange=NFO&limit=500");
  std::set<std::string> expiries;
  std::string keys;
  for (const auto& i : found["instruments"]) {
    if (i["segment"] != "NFO-OPT") continue;
    expiries.insert(i["expiry"].get<std::string>());
    if (i["expiry"] == *expiries.begin()) {
      keys += (keys.empty() ? "" : ",") + json("tick:" + i["key"].get<std::string>()).dump();
    }
  }
  CHECK(expiries.size() >= 2);
  ws_client ws(n.port());
  ws.send(R"({"id":1,"op":"sub","keys":[)" + keys + "]}");
  const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
  REQUIRE(reply);
  CHECK_MESSAGE((*reply)["ok"] == true, reply->dump());
  std::set<std::string> ticked;
  while (ticked.size() < 20) {
    const auto tick = ws.next_that([](const json& m) { return is_event(m, "tick"); });
    REQUIRE(tick);
    ticked.insert((*tick)["key"].get<std::string>());
  }
  CHECK(n.stop() == 0);
}

TEST_CASE("the same directory cannot be run twice at a time") {
  const scratch dir;
  node n(dir / "data");
  const auto second =
      run_to_end({artham::test::program(), "run", "--data", dir / "data", "--set", "web.port=0"});
  CHECK(second.code == 2);
  CHECK(second.err.find(dir / "data") != std::string::npos);
  CHECK(n.stop() == 0);
}

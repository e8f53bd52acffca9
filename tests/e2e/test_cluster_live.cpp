#include <doctest/doctest.h>

#include <exception>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/in_postgres.hpp"
#include "tests/e2e/node.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/redis_server.hpp"

// What forms in one node of a cluster is seen by clients of another.

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

std::vector<std::string> with_settings(std::vector<std::string> args,
                                       const std::vector<std::string>& settings) {
  for (const auto& s : settings) {
    args.emplace_back("--set");
    args.push_back(s);
  }
  return args;
}

/// Null while nobody answers.
json answer_of(std::uint16_t port, const std::string& target) {
  try {
    return json::parse(http_get(port, target).body, nullptr, false);
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace

TEST_CASE("a client of the gateway sees bars and chains of another node move") {
  const scratch dir;
  const redis_server redis;
  const auto postgres = postgres_server::plain();
  const std::vector<std::uint16_t> ports{free_port(), free_port()};
  const auto seeds =
      "127.0.0.1:" + std::to_string(ports[0]) + ",127.0.0.1:" + std::to_string(ports[1]);
  const auto settings = [&](const std::string& name, std::uint16_t port, const std::string& roles) {
    return std::vector<std::string>{
        "cluster.name=test",
        "cluster.node=" + name,
        "cluster.roles=" + roles,
        "cluster.shards=2",
        "cluster.port=" + std::to_string(port),
        "cluster.seeds=" + seeds,
        "bridge.redis.url=redis://127.0.0.1:" + std::to_string(redis.port()) + "/0",
        "store.kind=postgres",
        "store.postgres.url=" + postgres.url(),
        "exchange.chains=true",
        "exchange.instruments=8"};
  };
  process market(with_settings({program(), "run", "--data", dir / "market", "--speed", "1"},
                               settings("market", ports[0], "ingest,bars,features")));
  REQUIRE_MESSAGE(market.line(), market.errors());
  const auto web = free_port();
  auto served = settings("gateway", ports[1], "store,gateway");
  served.push_back("web.port=" + std::to_string(web));
  process gateway(with_settings({program(), "run", "--data", dir / "gateway"}, served));
  REQUIRE_MESSAGE(gateway.line(), gateway.errors());

  std::string expiry;
  REQUIRE_MESSAGE(eventually(
                      [&] {
                        const auto a = answer_of(web, "/v1/chain/NIFTY");
                        if (!a.contains("chain")) return false;
                        expiry = a["chain"]["expiry"];
                        return true;
                      },
                      std::chrono::seconds(90)),
                  market.errors() << gateway.errors());
  const std::string bar = "bar:NSE:NIFTY 50:1m";
  const auto chain = "chain:NIFTY:" + expiry;
  ws_client ws(web);
  ws.send(json{{"id", 1}, {"op", "sub"}, {"keys", {bar, chain}}}.dump());
  const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
  REQUIRE(reply);
  INFO(reply->dump());
  REQUIRE((*reply)["ok"] == true);

  std::set<std::string> bars;
  std::set<std::int64_t> between_marks;
  const auto seen = ws.next_that([&](const json& m) {
    const auto what = m.value("ev", "");
    if (what == "bar" && m["key"] == bar && m["bar"]["final"] == false)
      bars.insert(m["bar"].dump());
    if (what == "chain" && m["key"] == chain && m["chain"]["final"] == false)
      between_marks.insert(m["chain"]["t"].get<std::int64_t>());
    return bars.size() >= 3 && between_marks.size() >= 3;
  });
  INFO(bars.size() << " bars, " << between_marks.size() << " chains");
  REQUIRE(seen);

  // What forms is in a snapshot too, of keys that somebody watches already and of others.
  CHECK(redis.cli({"EXISTS", "md:bars:live.5m:0", "md:bars:live.5m:1"}) == "0");
  ws_client other(web);
  other.send(json{{"id", 1}, {"op", "sub"}, {"keys", {bar, "bar:NSE:NIFTY 50:5m"}}}.dump());
  const auto snapshot = other.next_that([](const json& m) { return m.contains("id"); });
  REQUIRE(snapshot);
  INFO(snapshot->dump());
  for (const auto& sub : (*snapshot)["subs"]) {
    const auto& shown = sub["snapshot"]["bars"];
    REQUIRE_FALSE(shown.empty());
    CHECK(shown.back()["final"] == false);
  }

  const auto published = [&] {
    return std::stoull(redis.cli({"XLEN", "md:features:live:0"})) +
           std::stoull(redis.cli({"XLEN", "md:features:live:1"}));
  };
  CHECK(published() > 0);
  CHECK(published() < 1'000);
  market.signal(SIGTERM);
  CHECK(market.wait() == 0);
}

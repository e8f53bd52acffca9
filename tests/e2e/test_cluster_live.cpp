#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <set>
#include <string>
#include <utility>
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

/// Two nodes with a Redis and a PostgreSQL: one ingests and computes, the other stores and serves.
class cluster {
 public:
  explicit cluster(std::vector<std::string> more)
      : more_(std::move(more)),
        market_(with_settings({program(), "run", "--data", dir_ / "market", "--speed", "1"},
                              settings(0, "ingest,bars,features"))),
        gateway_(with_settings({program(), "run", "--data", dir_ / "gateway"},
                               settings(1, "store,gateway"))) {}

  const redis_server redis;
  [[nodiscard]] std::uint16_t port() const { return web_; }
  /// Null while nobody answers.
  [[nodiscard]] json get(const std::string& target) const {
    try {
      return json::parse(http_get(web_, target).body, nullptr, false);
    } catch (const std::exception&) {
      return {};
    }
  }
  [[nodiscard]] bool wait_for(const std::function<bool()>& condition) const {
    return eventually(condition, std::chrono::seconds(90));
  }
  [[nodiscard]] std::string errors() const { return market_.errors() + gateway_.errors(); }

 private:
  [[nodiscard]] std::vector<std::string> settings(std::size_t node,
                                                  const std::string& roles) const {
    std::vector<std::string> all{
        "cluster.name=test",
        "cluster.node=n" + std::to_string(node),
        "cluster.roles=" + roles,
        "cluster.shards=2",
        "cluster.port=" + std::to_string(ports_[node]),
        "cluster.seeds=127.0.0.1:" + std::to_string(ports_[0]) +
            ",127.0.0.1:" + std::to_string(ports_[1]),
        "bridge.redis.url=redis://127.0.0.1:" + std::to_string(redis.port()) + "/0",
        "store.kind=postgres",
        "store.postgres.url=" + postgres_.url(),
        "web.port=" + std::to_string(node == 1 ? web_ : 0)};
    all.insert(all.end(), more_.begin(), more_.end());
    return all;
  }

  const scratch dir_;
  const postgres_server postgres_ = postgres_server::plain();
  const std::vector<std::string> more_;
  const std::vector<std::uint16_t> ports_{free_port(), free_port()};
  const std::uint16_t web_ = free_port();
  process market_;
  process gateway_;
};

/// The reply.
json subscribed(ws_client& ws, const std::vector<std::string>& keys) {
  ws.send(json{{"id", 1}, {"op", "sub"}, {"keys", keys}}.dump());
  const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
  REQUIRE(reply);
  REQUIRE_MESSAGE((*reply)["ok"] == true, reply->dump());
  return *reply;
}

}  // namespace

TEST_CASE("a client of the gateway sees bars and chains of another node move") {
  const cluster c({"exchange.chains=true", "exchange.instruments=8"});
  std::string expiry;
  REQUIRE_MESSAGE(c.wait_for([&] {
    const auto a = c.get("/v1/chain/NIFTY");
    if (!a.contains("chain")) return false;
    expiry = a["chain"]["expiry"];
    return true;
  }),
                  c.errors());
  const std::string bar = "bar:NSE:NIFTY 50:1m";
  const auto chain = "chain:NIFTY:" + expiry;
  ws_client ws(c.port());
  subscribed(ws, {bar, chain});

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
  CHECK(c.redis.cli({"EXISTS", "md:bars:live.5m:0", "md:bars:live.5m:1"}) == "0");
  ws_client other(c.port());
  const auto snapshot = subscribed(other, {bar, "bar:NSE:NIFTY 50:5m"});
  INFO(snapshot.dump());
  for (const auto& sub : snapshot["subs"]) {
    const auto& shown = sub["snapshot"]["bars"];
    REQUIRE_FALSE(shown.empty());
    CHECK(shown.back()["final"] == false);
  }
  const auto published = std::stoull(c.redis.cli({"XLEN", "md:features:live:0"})) +
                         std::stoull(c.redis.cli({"XLEN", "md:features:live:1"}));
  CHECK(published > 0);
  CHECK(published < 1'000);
}

TEST_CASE("what clients of the gateway want is subscribed, and nothing else") {
  const cluster c({"exchange.chains=false", "exchange.instruments=8", "ingest.on_demand=true",
                   "ingest.instruments=NSE:NIFTY 50"});
  REQUIRE_MESSAGE(c.wait_for([&] { return c.get("/v1/status").contains("cluster"); }), c.errors());
  ws_client ws(c.port());
  const auto next_tick = [&](const std::string& key) {
    return ws.next_that(
        [&](const json& m) { return m.value("ev", "") == "tick" && m["key"] == key; });
  };
  const std::string always = "tick:NSE:NIFTY 50";
  subscribed(ws, {always});
  for (int i = 0; i < 5; ++i) REQUIRE(next_tick(always));
  for (const std::string wanted : {"tick:NSE:BHARGSTEEL", "tick:NSE:CHETANFIN"}) {
    const auto reply = subscribed(ws, {wanted});
    INFO(reply.dump());
    CHECK(reply["subs"][0]["state"] == "no_ticks_since");
    CHECK(next_tick(wanted));
  }
}

TEST_CASE("a Kite client of the gateway gets packets of what nobody else wants") {
  const cluster c({"exchange.chains=false", "exchange.instruments=8", "ingest.on_demand=true",
                   "ingest.instruments=NSE:NIFTY 50"});
  std::uint32_t token = 0;
  REQUIRE_MESSAGE(c.wait_for([&] {
    const auto list = c.get("/v1/instruments");
    if (!list.contains("instruments")) return false;
    for (const auto& i : list["instruments"])
      if (i["key"] == "NSE:BHARGSTEEL") token = i["token"].get<std::uint32_t>();
    return token != 0;
  }),
                  c.errors());
  ws_client ws(c.port(), "/kite/ws?api_key=any&access_token=any");
  ws.send(json{{"a", "mode"}, {"v", {"full", {token}}}}.dump());
  const auto number = [](const std::string& bytes, std::size_t at, std::size_t size) {
    std::uint32_t n = 0;
    for (std::size_t i = 0; i < size; ++i)
      n = n << 8U | static_cast<std::uint8_t>(bytes.at(at + i));
    return n;
  };
  // A frame of Kite's, or one byte that says that the line lives.
  int full = 0;
  while (full < 3) {
    const auto frame = ws.next_bytes();
    REQUIRE_MESSAGE(frame, c.errors());
    if (frame->size() == 1) continue;
    REQUIRE(number(*frame, 0, 2) >= 1);
    CHECK(number(*frame, 4, 4) == token);
    if (number(*frame, 2, 2) == 184) ++full;
  }
}

TEST_CASE("who wants a chain wants its underlying, futures and options") {
  const cluster c({"exchange.chains=true", "exchange.instruments=8", "ingest.on_demand=true"});
  std::string expiry;
  REQUIRE_MESSAGE(c.wait_for([&] {
    const auto list = c.get("/v1/instruments?query=NIFTY&limit=50");
    if (!list.contains("instruments")) return false;
    for (const auto& i : list["instruments"]) {
      const auto e = i.value("expiry", "");
      if (i.value("type", "") == "CE" && (expiry.empty() || e < expiry)) expiry = e;
    }
    return !expiry.empty();
  }),
                  c.errors());
  ws_client ws(c.port());
  const auto chain = "chain:NIFTY:" + expiry;
  subscribed(ws, {chain});
  const auto shown = ws.next_that([&](const json& m) {
    return m.value("ev", "") == "chain" && m["key"] == chain && m["chain"].contains("atm_iv");
  });
  REQUIRE_MESSAGE(shown, c.errors());
  CHECK((*shown)["chain"]["options"].size() > 10);
}

TEST_CASE("a gateway knows the newest packets of all shards, which another node ingests") {
  const cluster c({"exchange.chains=false", "exchange.instruments=8"});
  std::string asked;
  REQUIRE_MESSAGE(c.wait_for([&] {
    const auto a = c.get("/v1/instruments");
    if (!a.contains("instruments") || a["instruments"].empty()) return false;
    asked.clear();
    for (const auto& i : a["instruments"])
      asked += (asked.empty() ? "?i=" : "&i=") + i["token"].dump();
    return true;
  }),
                  c.errors());
  const auto instruments = static_cast<std::size_t>(std::ranges::count(asked, '='));
  json first;
  REQUIRE_MESSAGE(c.wait_for([&] {
    first = c.get("/kite/quote" + asked);
    return first.contains("data") && first["data"].size() == instruments;
  }),
                  (first.dump() + c.errors()));
  CHECK(c.wait_for([&] {
    const auto now = c.get("/kite/quote" + asked);
    for (const auto& [key, quote] : first["data"].items()) {
      if (now["data"][key]["timestamp"] <= quote["timestamp"]) return false;
    }
    return true;
  }));
}

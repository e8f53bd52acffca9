#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/cluster/lease_keeper.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/redis_server.hpp"

namespace artham::test {
namespace {

using namespace app::cluster;  // NOLINT(google-build-using-namespace)
using config::role;
using namespace std::chrono_literals;

/// A node that keeps leases and does nothing with them.
struct node {
  runtime::metrics metrics;
  std::atomic<bool> alone{false};
  std::atomic<bool> stands_still{false};
  std::atomic<int> gave_back{0};
  std::unique_ptr<lease_keeper> keeper;

  node(const redis_server& redis, const std::string& name, std::vector<role> roles,
       const std::string& life) {
    lease_keeper_options o;
    bridge::redis::endpoint at;
    at.port = redis.port();
    at.timeout = 500 * market::millisecond;
    o.leases = bridge::redis::make_leases(at, "test");
    o.node = name;
    o.life = life;
    o.shards = 2;
    o.lease = market::second;
    o.floor = [] { return std::uint64_t{0}; };
    o.says = [this, roles] {
      stands_still.wait(true);
      node_says s;
      s.roles = roles;
      s.alone = alone;
      return s;
    };
    o.gave_back = [this](const std::string& lease) { gave_back += lease == "ingest" ? 1 : 0; };
    o.changed = [] {};
    o.metrics = &metrics;
    keeper = std::make_unique<lease_keeper>(std::move(o));
    keeper->start();
  }
  [[nodiscard]] bool holds(const std::string& lease) const {
    return keeper->held().contains(lease);
  }
  [[nodiscard]] bool soon_holds(const std::string& lease,
                                std::chrono::milliseconds limit = 10s) const {
    return eventually([&] { return holds(lease); }, limit);
  }
};

/// Its thread stands still as if the process did; what it holds stays in Redis.
struct dead_node {
  dead_node(const redis_server& redis, const std::string& name, const std::string& lease) {
    bridge::redis::endpoint at;
    at.port = redis.port();
    const auto leases = bridge::redis::make_leases(at, "test");
    REQUIRE(leases->beat({name, "its life", to_json(says()), 0}, market::second));
    REQUIRE(leases->take(lease, name, 0));
  }
  static node_says says() {
    node_says s;
    s.roles = {role::bars};
    return s;
  }
};

}  // namespace

TEST_CASE("who is alone takes all of its roles, and gives it back when it stops") {
  redis_server redis;
  {
    node a(redis, "a", {role::bars, role::ingest}, "1");
    CHECK(a.soon_holds("ingest"));
    CHECK(a.soon_holds("bars:0"));
    CHECK(a.soon_holds("bars:1"));
    CHECK(!a.holds("store:0"));
    node b(redis, "b", {role::bars, role::ingest}, "1");
    REQUIRE(eventually([&] { return b.keeper->view().holders.contains("ingest"); }, 10s));
    CHECK(b.keeper->view().holders.at("ingest") == "a");
    CHECK(!b.holds("ingest"));
    const auto begun = std::chrono::steady_clock::now();
    a.keeper->stop();
    CHECK(b.soon_holds("ingest"));
    // At once, not when a lease has run out.
    CHECK(std::chrono::steady_clock::now() - begun < 900ms);
  }
  CHECK(redis.cli({"HGET", "artham:fence:ingest", "node"}).empty());
}

TEST_CASE("a node that is gone is taken over from: soon when the network says so, else in time") {
  redis_server redis;
  const dead_node gone(redis, "gone", "bars:0");
  node a(redis, "a", {role::bars}, "1");
  REQUIRE(a.soon_holds("bars:1"));
  CHECK(!a.holds("bars:0"));
  SUBCASE("in time") {
    CHECK(a.soon_holds("bars:0", 3s));
  }
  SUBCASE("soon") {
    a.keeper->suspect("gone");
    CHECK(a.soon_holds("bars:0", 900ms));
  }
}

TEST_CASE("a suspect that is heard keeps what it has") {
  redis_server redis;
  node a(redis, "a", {role::bars}, "1");
  REQUIRE(a.soon_holds("bars:0"));
  REQUIRE(a.soon_holds("bars:1"));
  const auto fences = a.keeper->held();
  node b(redis, "b", {role::store}, "1");
  node c(redis, "c", {role::bars}, "1");
  REQUIRE(eventually([&] { return c.keeper->view().nodes.size() == 3; }, 10s));
  for (int i = 0; i < 5; ++i) {
    c.keeper->suspect("a");
    const auto seen = c.keeper->view();
    CHECK(seen.holders.at("bars:0") == "a");
  }
  REQUIRE(b.soon_holds("store:0"));
  CHECK(a.keeper->held() == fences);
}

TEST_CASE("Redis forgets everything: what is held is held again, under larger fences") {
  redis_server redis;
  node a(redis, "a", {role::bars}, "1");
  REQUIRE(a.soon_holds("bars:0"));
  redis.cli({"FLUSHALL"});
  // The counter begins anew, but nobody's number is given twice: that is for the floor to say.
  CHECK(eventually([&] { return redis.cli({"HGET", "artham:fence:bars:0", "node"}) == "a"; }, 10s));
  CHECK(a.holds("bars:0"));
}

TEST_CASE("two processes of one name: the second waits for the first to be silent, then gives up") {
  redis_server redis;
  node a(redis, "a", {role::bars}, "1");
  REQUIRE(a.soon_holds("bars:0"));
  node other(redis, "a", {role::bars}, "2");
  CHECK(eventually([&] { return other.keeper->refused().has_value(); }, 20s));
  CHECK(other.keeper->refused()->message.find("node a") != std::string::npos);
  CHECK(!other.holds("bars:0"));
  CHECK(a.holds("bars:0"));
}

TEST_CASE("who comes back takes its work up when the life before is not heard any more") {
  redis_server redis;
  const dead_node killed(redis, "a", "bars:0");
  const node a(redis, "a", {role::bars}, "2");
  CHECK(a.soon_holds("bars:0", 2500ms));
}

TEST_CASE("after Redis was away nobody is taken over from before all had time to speak") {
  redis_server redis;
  node a(redis, "a", {role::bars}, "1");
  node b(redis, "b", {role::ingest}, "1");
  REQUIRE(a.soon_holds("bars:0"));
  REQUIRE(b.soon_holds("ingest"));
  redis.stop();
  REQUIRE(eventually([&] { return a.keeper->view().failure && b.keeper->view().failure; }, 10s));
  CHECK(a.holds("bars:0"));
  redis.start();
  REQUIRE(eventually([&] { return !a.keeper->view().failure && !b.keeper->view().failure; }, 10s));
  CHECK(a.holds("bars:0"));
  CHECK(b.holds("ingest"));
}

TEST_CASE("after Redis was away, what is given back or whose node has gone is taken at once") {
  redis_server redis;
  node a(redis, "a", {role::bars}, "1");
  node b(redis, "b", {role::bars}, "1");
  const auto share = [](const node& n) { return n.holds("bars:0") ? 1 : 0; };
  REQUIRE(eventually([&] { return share(a) + share(b) == 1; }, 10s));
  node& has = a.holds("bars:0") ? a : b;
  const node& takes = a.holds("bars:0") ? b : a;
  redis.stop();
  REQUIRE(eventually([&] { return a.keeper->view().failure && b.keeper->view().failure; }, 10s));
  redis.start();
  REQUIRE(eventually([&] { return !a.keeper->view().failure && !b.keeper->view().failure; }, 10s));
  const auto begun = std::chrono::steady_clock::now();
  SUBCASE("given back") {
    has.keeper->stop();
  }
  SUBCASE("gone") {
    has.stands_still = true;
    takes.keeper->suspect(&has == &a ? "a" : "b");
  }
  CHECK(takes.soon_holds("bars:0"));
  // Silence is not trusted for two leases.
  CHECK(std::chrono::steady_clock::now() - begun < 1500ms);
  has.stands_still = false;
  has.stands_still.notify_all();
}

TEST_CASE("who was away is given work when it has been back for a while, as if it were new") {
  redis_server redis;
  const node a(redis, "a", {role::bars}, "1");
  REQUIRE(a.soon_holds("bars:0"));
  REQUIRE(a.soon_holds("bars:1"));
  node b(redis, "b", {role::bars}, "1");
  const auto hands_over = [&] {
    return eventually([&] { return !a.keeper->handing_over().empty(); }, 20s);
  };
  REQUIRE(hands_over());
  for (const auto& [lease, fence] : a.keeper->handing_over()) a.keeper->release(lease, fence);
  REQUIRE(eventually([&] { return b.holds("bars:0") || b.holds("bars:1"); }, 10s));
  b.stands_still = true;
  REQUIRE(eventually([&] { return a.holds("bars:0") && a.holds("bars:1"); }, 10s));
  const auto begun = std::chrono::steady_clock::now();
  b.stands_still = false;
  b.stands_still.notify_all();
  CHECK(hands_over());
  CHECK(std::chrono::steady_clock::now() - begun > 4s);
}

TEST_CASE("after Redis was away, what is free goes at once to who journals, later to others") {
  redis_server redis;
  node b(redis, "b", {role::ingest}, "1");
  REQUIRE(b.soon_holds("ingest"));
  node a(redis, "a", {role::ingest}, "1");
  REQUIRE(eventually([&] { return a.keeper->view().nodes.size() == 2; }, 10s));
  redis.kill();
  REQUIRE(eventually([&] { return a.keeper->view().failure.has_value(); }, 10s));
  b.keeper->stop();
  CHECK(b.gave_back == 0);
  std::filesystem::remove_all(redis.data_dir() / "appendonlydir");
  // A new life of it that journals alone.
  node again(redis, "b", {role::ingest}, "2");
  again.alone = true;
  REQUIRE(eventually([&] { return again.keeper->view().failure.has_value(); }, 10s));
  redis.start();
  CHECK(again.soon_holds("ingest"));
  CHECK(!a.holds("ingest"));
  again.keeper->stop();
  CHECK(again.gave_back == 1);
  CHECK(a.soon_holds("ingest"));
}

}  // namespace artham::test

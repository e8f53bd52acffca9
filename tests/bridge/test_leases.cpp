#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "bridge/redis/leases.hpp"
#include "tests/support/redis_server.hpp"

using namespace artham;
using namespace artham::test;
using bridge::redis::make_leases;

namespace {

bridge::redis::endpoint endpoint_of(const redis_server& server) {
  bridge::redis::endpoint e;
  e.socket = server.socket();
  return e;
}

}  // namespace

TEST_CASE("a lease is taken, renewed, taken away and given back") {
  const redis_server redis;
  const auto a = make_leases(endpoint_of(redis), "one");
  const auto b = make_leases(endpoint_of(redis), "one");
  CHECK(a->all()->empty());
  const auto first = a->take("ingest", "node-a", 0);
  REQUIRE(first);
  CHECK(*first == 1);
  CHECK(a->renew("ingest", "node-a", *first) == true);
  CHECK(redis.cli({"HGET", "artham:fence:ingest", "fence"}) == "1");

  const auto second = b->take("ingest", "node-b", 0);
  REQUIRE(second);
  CHECK(*second == 2);
  // Who was overtaken can neither renew nor give back; neither can another node with the number.
  CHECK(a->renew("ingest", "node-a", *first) == false);
  CHECK(a->renew("ingest", "node-a", *second) == false);
  REQUIRE(a->release("ingest", "node-a", *first));
  CHECK(b->renew("ingest", "node-b", *second) == true);
  auto all = b->all();
  REQUIRE(all);
  CHECK(all->at("ingest").holder == "node-b");
  CHECK(all->at("ingest").fence == 2);

  REQUIRE(b->release("ingest", "node-b", *second));
  CHECK(redis.cli({"HGET", "artham:fence:ingest", "fence"}) == "0");
  all = a->all();
  CHECK(all->at("ingest").holder.empty());
  CHECK(all->at("ingest").fence == 2);
  CHECK(b->renew("ingest", "node-b", *second) == false);
  CHECK(a->take("ingest", "node-a", 0) == 3U);
  // Numbers are never given twice, whatever the lease.
  CHECK(a->take("shard:1", "node-a", 0) == 4U);
  CHECK(a->take("shard:2", "node-a", 17) == 18U);
  CHECK(a->take("shard:1", "node-b", 3) == 19U);
  CHECK(a->all()->size() == 3);
}

TEST_CASE("an emptied server gives no number twice") {
  const redis_server redis;
  const auto a = make_leases(endpoint_of(redis), "one");
  const auto last = a->take("ingest", "node-a", 41);
  REQUIRE(last == 42U);
  SUBCASE("of everything") {
    redis.cli({"FLUSHALL"});
    CHECK(a->renew("ingest", "node-a", 42) == false);
    CHECK(a->take("ingest", "node-a", 42) == 43U);
  }
  SUBCASE("of the counter") {
    redis.cli({"DEL", "artham:fence:counter"});
    CHECK(a->take("shard:0", "node-b", 0) == 43U);
  }
  SUBCASE("of the lease") {
    redis.cli({"DEL", "artham:fence:ingest"});
    CHECK(a->renew("ingest", "node-a", 42) == false);
    CHECK(a->take("ingest", "node-b", 0) == 43U);
  }
}

TEST_CASE("of all who take at once, each gets another number, and the largest holds") {
  const redis_server redis;
  std::vector<std::uint64_t> got(200);
  std::vector<std::thread> takers;
  for (std::size_t t = 0; t < 4; ++t) {
    takers.emplace_back([&, t] {
      const auto l = make_leases(endpoint_of(redis), "one");
      for (std::size_t i = t; i < got.size(); i += 4) {
        got[i] = l->take("ingest", "node-" + std::to_string(t), 0).value_or(0);
      }
    });
  }
  for (auto& t : takers) t.join();
  CHECK(std::set(got.begin(), got.end()).size() == got.size());
  const auto l = make_leases(endpoint_of(redis), "one");
  std::size_t holders = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto held = l->renew("ingest", "node-" + std::to_string(i % 4), got[i]);
    REQUIRE(held);
    if (!*held) continue;
    ++holders;
    CHECK(got[i] == *std::ranges::max_element(got));
  }
  CHECK(holders == 1);
}

TEST_CASE("ages are by the server's clock") {
  const redis_server redis;
  const auto l = make_leases(endpoint_of(redis), "one");
  REQUIRE(l->take("ingest", "node-a", 0));
  REQUIRE(l->beat({"node-a", "life-1", "{}", 0}, market::second));
  // As if 90 s had passed.
  const auto made = std::stoll(redis.cli({"HGET", "artham:fence:ingest", "renewed_ms"}));
  redis.cli({"HSET", "artham:fence:ingest", "renewed_ms", std::to_string(made - 90'000)});
  CHECK(l->all()->at("ingest").age >= 90 * market::second);
  CHECK(l->all()->at("ingest").age < 120 * market::second);
  CHECK(l->renew("ingest", "node-a", 1) == true);
  CHECK(l->all()->at("ingest").age < 30 * market::second);
  // A clock that was set back makes nothing older than it is.
  redis.cli({"HSET", "artham:fence:ingest", "renewed_ms", std::to_string(made + 90'000)});
  CHECK(l->all()->at("ingest").age == 0);
}

TEST_CASE("a node's name is one process's") {
  const redis_server redis;
  const auto a = make_leases(endpoint_of(redis), "one");
  const auto elsewhere = make_leases(endpoint_of(redis), "two");
  REQUIRE(a->beat({"node-b", "life-9", "", 0}, market::minute));
  REQUIRE(a->beat({"node-a", "life-1", R"({"role": "ingest"})", 0}, market::minute));
  const auto taken = a->beat({"node-a", "life-2", "x", 0}, market::minute);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == errc::conflict);
  CHECK(taken.error().message.find("life-1") != std::string::npos);
  CHECK(elsewhere->nodes()->empty());
  REQUIRE(elsewhere->beat({"node-a", "life-2", "x", 0}, market::minute));

  auto nodes = a->nodes();
  REQUIRE(nodes);
  REQUIRE(nodes->size() == 2);
  CHECK(nodes->front().node == "node-a");
  CHECK(nodes->front().life == "life-1");
  CHECK(nodes->front().text == R"({"role": "ingest"})");
  CHECK(nodes->front().age < 30 * market::second);

  // Only its own life ends it; afterwards, or when it has been silent, the name is free.
  REQUIRE(a->leave("node-a", "life-2"));
  CHECK(a->nodes()->size() == 2);
  REQUIRE(a->beat({"node-a", "life-2", "line\nbreaks\n", 0}, 0));
  CHECK(a->nodes()->front().text == "line\nbreaks\n");
  REQUIRE(a->leave("node-a", "life-2"));
  CHECK(a->nodes()->size() == 1);
  CHECK_FALSE(a->beat({"node-a", "two\nlines", "", 0}, 0));
}

TEST_CASE("who has been silent for a day is forgotten") {
  const redis_server redis;
  const auto l = make_leases(endpoint_of(redis), "one");
  redis.cli({"HSET", "artham:nodes:one", "old", "1000 life\ntext"});
  CHECK(l->nodes()->size() == 1);
  REQUIRE(l->beat({"new", "life", "", 0}, 0));
  CHECK(l->nodes()->size() == 1);
  CHECK(l->nodes()->front().node == "new");
}

TEST_CASE("a server that is away is told, and found again") {
  redis_server redis;
  const auto l = make_leases(endpoint_of(redis), "one");
  REQUIRE(l->take("ingest", "node-a", 0) == 1U);
  redis.kill();
  const auto away = l->take("ingest", "node-a", 0);
  REQUIRE_FALSE(away);
  CHECK(away.error().code == errc::unavailable);
  CHECK_FALSE(l->all());
  redis.start();
  // Its files are as they were.
  CHECK(l->renew("ingest", "node-a", 1) == true);
  CHECK(l->take("ingest", "node-a", 0) == 2U);
}

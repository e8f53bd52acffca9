#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "app/cluster/unit_runner.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/redis_server.hpp"

namespace artham::test {
namespace {

using namespace app::cluster;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

struct ends {
  std::atomic<int> in_order{0};
  std::atomic<int> given_up{0};
};

class counted_unit final : public unit {
 public:
  explicit counted_unit(ends& e) : ends_(e) {}
  void stop() override { ++ends_.in_order; }
  void abandon() override { ++ends_.given_up; }

 private:
  ends& ends_;
};

/// A node that bars are made at: what they begin and end is counted.
struct node {
  runtime::metrics metrics;
  ends units;
  std::atomic<int> begun{0};
  std::unique_ptr<lease_keeper> keeper;
  std::unique_ptr<unit_runner> runner;

  explicit node(const bridge::redis::endpoint& at) {
    lease_keeper_options k;
    k.leases = bridge::redis::make_leases(at, "test");
    k.node = "a";
    k.life = "1";
    k.shards = 1;
    k.lease = market::second;
    k.floor = [] { return std::uint64_t{0}; };
    k.says = [] {
      node_says s;
      s.roles = {config::role::bars};
      return s;
    };
    k.gave_back = [](const std::string&) {};
    k.changed = [this] { runner->wake(); };
    k.metrics = &metrics;
    keeper = std::make_unique<lease_keeper>(std::move(k));
    unit_runner_options r;
    r.keeper = keeper.get();
    r.rules = [](const cluster_view&) { return std::make_shared<const rules_in_force>(); };
    r.start = [this](const std::string&, std::uint64_t, const rules_in_force*) {
      ++begun;
      return std::make_unique<counted_unit>(units);
    };
    r.ingest_held = [](bool) {};
    runner = std::make_unique<unit_runner>(std::move(r));
    runner->start();
    keeper->start();
  }
  ~node() {
    runner->stop();
    keeper->stop();
  }
  node(const node&) = delete;
  node& operator=(const node&) = delete;
};

}  // namespace

TEST_CASE("work whose lease another took is given up; what is ours ends in order") {
  const redis_server redis;
  bridge::redis::endpoint at;
  at.port = redis.port();
  node a(at);
  REQUIRE(eventually([&] { return a.begun == 1; }, 10s));
  SUBCASE("another took it") {
    REQUIRE(bridge::redis::make_leases(at, "test")->take("bars:0", "b", 0));
    CHECK(eventually([&] { return a.units.given_up == 1; }, 10s));
    CHECK(a.units.in_order == 0);
  }
  SUBCASE("the node stops") {
    a.runner->stop();
    CHECK(a.units.in_order == 1);
    CHECK(a.units.given_up == 0);
  }
}

}  // namespace artham::test

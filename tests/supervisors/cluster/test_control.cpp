#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tests/supervisors/cluster/world.hpp"

using namespace artham;
using namespace artham::test;

namespace {
using tokens = std::vector<std::uint32_t>;

msg::supervisor_actor tree_of(caf::actor_system& system, const std::string& name) {
  sup::supervisor_options o;
  o.name = name;
  return sup::spawn_supervisor(system, o, {});
}
}  // namespace

TEST_CASE("ingest nodes get the union of what all gateways want, also one that comes later") {
  log_lines log;
  node g1({"g1", {}, {"gateway"}});
  g1.control->want({3, 1, 3});
  node i1({"i1", {g1.place()}, {"ingest"}});
  CHECK(i1.gets_demand({1, 3}));
  auto g2 = std::make_unique<node>(node::options{"g2", {g1.place()}, {"gateway"}});
  g2->control->want({9, 3});
  CHECK(i1.gets_demand({1, 3, 9}));
  node i2({"i2", {g1.place()}, {"ingest"}});
  CHECK(i2.gets_demand({1, 3, 9}));
  g1.control->want({});
  CHECK(i1.gets_demand({3, 9}));
  CHECK(i2.gets_demand({3, 9}));
  // Gateways are told nothing but their own.
  CHECK(g1.demand().empty());
  CHECK(g2->demand() == tokens{3, 9});
  // A listener that comes later is told at once.
  tokens seen;
  const auto late = i2.control->on_demand([&seen](const tokens& d) { seen = d; });
  CHECK(seen == tokens{3, 9});
}

TEST_CASE(
    "the wishes of a gateway that is gone count for a while; those of one that is back do not "
    "end") {
  log_lines log;
  sup::cluster_times quick;
  quick.forget_wishes = 700ms;
  node::options o{"i", {}, {"ingest"}};
  o.times = quick;
  node i(o);
  const auto port = free_port();
  const auto gateway = [&](const char* life) {
    node::options g{"g", {i.place()}, {"gateway"}, port};
    g.life = life;
    return std::make_unique<node>(g);
  };
  node other({"h", {i.place()}, {"gateway"}});
  other.control->want({2});
  auto g = gateway("one");
  g->control->want({1, 2});
  CHECK(i.gets_demand({1, 2}));
  g->stop();
  CHECK(i.is_told("gone g"));
  const auto left = std::chrono::steady_clock::now();
  CHECK(i.demand() == tokens{1, 2});
  CHECK(i.gets_demand({2}));
  CHECK(std::chrono::steady_clock::now() - left > 500ms);

  // Another life says what it wants, and nothing of the old one is left.
  g = gateway("two");
  g->control->want({5});
  CHECK(i.gets_demand({2, 5}));
  // A crash of the actor alone: the same life is back before its time is over.
  const auto told = i.demands();
  g->crash();
  CHECK(i.is_told("gone g", 2));
  g->restart();
  CHECK(i.is_told("back g"));
  g->control->want({5, 6});
  CHECK(i.gets_demand({2, 5, 6}));
  CHECK(i.demands() == told + 1);
}

TEST_CASE("wishes that change quickly are told a few times a second, the last of them at last") {
  log_lines log;
  node i({"i", {}, {"ingest"}});
  node g({"g", {i.place()}, {"gateway"}});
  CHECK(i.sees("g i"));
  const auto before = i.demands();
  const auto began = std::chrono::steady_clock::now();
  for (std::uint32_t n = 1; n <= 20'000; ++n) g.control->want({n, n + 1});
  CHECK(i.gets_demand({20'000, 20'001}));
  const auto took = std::chrono::steady_clock::now() - began;
  CHECK(static_cast<double>(i.demands() - before) <= 2 + took / 200ms);
}

TEST_CASE("a process with all roles hears its own wishes, too") {
  log_lines log;
  node a({"a", {}});
  a.control->want({4});
  CHECK(a.gets_demand({4}));
}

TEST_CASE("nodes that compute get the union of what is watched") {
  log_lines log;
  node g1({"g1", {}, {"gateway"}});
  node b({"b", {g1.place()}, {"bars"}});
  node f({"f", {g1.place()}, {"features"}});
  node i({"i", {g1.place()}, {"ingest"}});
  node g2({"g2", {g1.place()}, {"gateway"}});
  g1.control->watch({{7, 1, false}, {9, 1ULL << 40, false}});
  g2.control->watch({{7, 2, true}});
  const std::vector<msg::watched> all{{7, 3, true}, {9, 1ULL << 40, false}};
  CHECK(eventually([&] { return b.watch() == all; }, 15s));
  CHECK(eventually([&] { return f.watch() == all; }, 15s));
  CHECK(i.watch().empty());
}

TEST_CASE("all trees and all statuses in one answer, with a reason where there is none") {
  log_lines log;
  node a({"a", {}});
  node b({"b", {a.place()}});
  node c({"c", {a.place()}});
  auto d = std::make_unique<node>(node::options{"d", {a.place()}});
  CHECK(a.sees("a b c d"));
  d.reset();
  CHECK(a.is_told("gone d"));

  const auto top_a = tree_of(a.system(), "top of a");
  const auto top_b = tree_of(b.system(), "top of b");
  a.control->serve_tree(top_a);
  b.control->serve_tree(top_b);
  const auto trees = a.control->trees(3s);
  REQUIRE_MESSAGE(trees, trees.error().message);
  REQUIRE(trees->size() == 4);
  CHECK(trees->at("a")->id == "top of a");
  CHECK(trees->at("b")->id == "top of b");
  CHECK(trees->at("c").error() == error{errc::unavailable, "this node has no tree to show"});
  CHECK(trees->at("d").error() == error{errc::unavailable, "gone"});

  a.control->serve_status([] { return std::string("{\"a\":1}"); });
  std::atomic<bool> hangs{false}, free{false};
  b.control->serve_status([&] {
    hangs = true;
    eventually([&free] { return free.load(); }, 20s);
    return std::string("late");
  });
  const auto began = std::chrono::steady_clock::now();
  const auto statuses = a.control->statuses(300ms);
  CHECK(std::chrono::steady_clock::now() - began < 1s);
  CHECK(hangs.load());
  free = true;
  REQUIRE_MESSAGE(statuses, statuses.error().message);
  REQUIRE(statuses->size() == 4);
  CHECK(statuses->at("a") == "{\"a\":1}");
  CHECK(statuses->at("b").error().message == "does not answer");
  CHECK(statuses->at("c").error().message == "this node has no status to show");
  CHECK(statuses->at("d").error().message == "gone");

  a.control->serve_tree({});
  b.control->serve_tree({});
  CHECK(sup::stop_and_wait(a.system(), caf::actor_cast<caf::actor>(top_a), 5s));
  CHECK(sup::stop_and_wait(b.system(), caf::actor_cast<caf::actor>(top_b), 5s));
}

TEST_CASE("a node is asked to hand over, by any node") {
  log_lines log;
  node a({"a", {}});
  node b({"b", {a.place()}});
  CHECK(a.sees("a b"));
  CHECK(a.control->drain("b", "an upgrade").error() ==
        error{errc::unsupported, "this node cannot be told to hand over"});
  std::string asked;
  std::mutex mutex;
  b.control->serve_drain([&](const std::string& who) {
    const std::lock_guard lock(mutex);
    asked += who;
  });
  CHECK(a.control->drain("b", "an upgrade"));
  CHECK(b.control->drain("b", " and itself"));
  {
    const std::lock_guard lock(mutex);
    CHECK(asked == "an upgrade and itself");
  }
  CHECK(a.control->drain("z", "").error() ==
        error{errc::not_found, "there is no node \"z\" in the cluster at present"});
}

TEST_CASE("without an actor that talks for the node, questions fail and wishes wait") {
  sup::control c;
  c.want({1});
  CHECK(c.members().error().code == errc::unavailable);
  CHECK(c.trees(1s).error().code == errc::unavailable);
  CHECK_FALSE(c.actor());
  int calls = 0;
  auto s = c.on_demand([&calls](const tokens&) { ++calls; });
  CHECK(calls == 1);
  auto moved = std::move(s);
  s.reset();
  moved.reset();
}

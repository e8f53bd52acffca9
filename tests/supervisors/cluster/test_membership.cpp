#include <doctest/doctest.h>
#include <malloc.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/supervisors/cluster/world.hpp"

using namespace artham;
using namespace artham::test;

TEST_CASE("three nodes that know one of them find each other; each change is logged and counted") {
  log_lines log;
  node a({"a", {}});
  node b({"b", {a.place()}});
  node c({"c", {a.place()}});
  for (auto* n : {&a, &b, &c}) CHECK(n->sees("a b c"));
  CHECK(b.is_told("joined c"));
  CHECK(a.metric("artham_cluster_members", "present") == 2);
  CHECK(log.has("cluster: node c (" + c.place() +
                ") joined: ingest bars features store gateway, version test"));

  const auto began = std::chrono::steady_clock::now();
  c.stop();
  CHECK(std::chrono::steady_clock::now() - began < 1s);
  CHECK(a.is_told("gone c"));
  CHECK(b.is_told("gone c"));
  CHECK(a.sees("a b"));
  CHECK(log.count("is gone: it left") == 2);
  CHECK(eventually([&] { return a.metric("artham_cluster_members", "gone") == 1; }, 5s));
  CHECK(a.metric("artham_cluster_changes_total", "gone") == 1);
  const auto list = a.control->members();
  REQUIRE(list);
  CHECK(list->gone.at(0).node == "c");
}

TEST_CASE("nodes that are each other's seeds, named more than once and themselves among them") {
  log_lines log;
  const auto pa = free_port(), pb = free_port();
  const std::vector<std::string> seeds{at(pa), at(pb), "localhost:" + std::to_string(pa), at(pa),
                                       "localhost:" + std::to_string(pb)};
  node a({"a", seeds, {"ingest"}, pa});
  node b({"b", seeds, {"gateway"}, pb});
  CHECK(a.sees("a b"));
  CHECK(b.sees("a b"));
  CHECK(eventually([&] { return log.count(" is this node itself") == 4; }, 10s));
  CHECK(log.has("cluster: localhost:" + std::to_string(pa) + " is this node itself"));
  CHECK(a.told("joined b") == 1);
  CHECK(b.told("joined a") == 1);
  CHECK(a.told("gone b") == 0);
}

TEST_CASE("a seed that comes later is found") {
  log_lines log;
  const auto port = free_port();
  node b({"b", {at(port)}});
  CHECK(eventually([&] { return log.has(at(port) + ": Connection refused; trying again"); }, 10s));
  CHECK(b.metric("artham_cluster_connection_failures_total") > 0);
  node a({"a", {}, {"ingest"}, port});
  CHECK(b.sees("a b"));
  CHECK(a.sees("a b"));
  CHECK(log.count("Connection refused") == 1);
}

TEST_CASE("a node that does not belong is refused, with the reason on both sides") {
  log_lines log;
  node a({"a", {}});
  node::options o{"b", {a.place()}};
  std::string reason;
  SUBCASE("another cluster") {
    o.cluster = "blue";
    reason = "belongs to cluster \"blue\", node a (" + a.place() +
             ") to cluster \"artham\"; give both the same cluster.name";
  }
  SUBCASE("another protocol") {
    o.protocol = msg::cluster_protocol + 1;
    reason = "(version test) speaks protocol 2, node a (" + a.place() +
             ") (version test) speaks 1; run versions that speak the same";
  }
  SUBCASE("another number of shards") {
    o.shards = 8;
    reason = "has cluster.shards = 8, node a (" + a.place() + ") has 4";
  }
  SUBCASE("the name of the one it asks") {
    o.name = "a";
    reason = "is in use by the process at " + a.place() + "; give one of them another cluster.node";
  }
  node b(o);
  const auto who = "cluster: node " + o.name + " (" + b.place() + ") is refused: ";
  CHECK(eventually([&] { return log.has(who); }, 10s));
  CHECK(eventually([&] { return log.has("cluster: " + a.place() + " refuses this node: "); }, 10s));
  // Said once each, and by both in the same words.
  CHECK_MESSAGE(log.count(reason) == 2, log.text());
  CHECK(a.present() == "a");
  CHECK(b.present() == o.name);
  CHECK(a.metric("artham_cluster_refusals_total") > 0);
  CHECK(b.metric("artham_cluster_refusals_total") > 0);
  CHECK(a.told("joined b") == 0);
}

TEST_CASE("a name is in use as long as its process is there") {
  log_lines log;
  node a({"a", {}});
  auto first = std::make_unique<node>(node::options{"b", {a.place()}});
  CHECK(a.sees("a b"));
  node second({"b", {a.place()}});
  CHECK(eventually([&] { return log.has("is in use by the process at " + first->place()); }, 10s));
  CHECK(second.present() == "b");
  first.reset();
  CHECK(second.sees("a b"));
  CHECK(a.is_told("joined b", 2));
  CHECK(a.told("back b") == 0);
}

TEST_CASE("an actor that crashes and comes again is the same life to the others") {
  log_lines log;
  node a({"a", {}});
  const auto port = free_port();
  auto b = std::make_unique<node>(
      node::options{"b", {a.place()}, {"bars"}, port, "artham", 1, 4, "one"});
  CHECK(a.sees("a b"));
  b->crash();
  CHECK(a.is_told("gone b"));
  CHECK(log.has("is gone: kill"));
  b = std::make_unique<node>(
      node::options{"b", {a.place()}, {"bars"}, port, "artham", 1, 4, "one"});
  CHECK(a.is_told("back b"));
  CHECK(a.sees("a b"));
}

TEST_CASE("a node that listens where another does ends with a clear error") {
  log_lines log;
  node a({"a", {}});
  auto config = msg::make_network_config({1, "127.0.0.1", {}});
  REQUIRE(config);
  caf::actor_system system{*config};
  caf::scoped_actor self{system};
  sup::cluster_node_options o;
  o.self.node = "b";
  o.self.address = "127.0.0.1";
  std::string why;
  SUBCASE("a port in use") {
    o.self.port = a.port();
    why = "cannot listen at " + a.place() + " (cannot_open_port); give cluster.address";
  }
  SUBCASE("a seed that is none") {
    o.seeds = {"nowhere"};
    why = "\"nowhere\" is not a place to connect to; write host:port";
  }
  const auto b = sup::spawn_cluster_node(system, o);
  self->monitor(b);
  self->receive([&](caf::down_msg& down) {
    CHECK_MESSAGE(msg::error_text(down.reason).find(why) == 0, msg::error_text(down.reason));
  });
}

TEST_CASE("members that are gone are forgotten after a while, but not seeds") {
  log_lines log;
  sup::cluster_times quick;
  quick.forget = 300ms;
  const auto port = free_port();
  node::options o{"a", {at(port)}};
  o.times = quick;
  node a(o);
  node seed({"s", {}, {"store"}, port});
  auto other = std::make_unique<node>(node::options{"o", {a.place()}});
  CHECK(a.sees("a o s"));
  other.reset();
  CHECK(a.is_told("forgotten o"));
  CHECK(eventually([&] { return a.control->members()->gone.empty(); }, 5s));
  CHECK(a.metric("artham_cluster_members", "gone") == 0);
  // The seed has been gone for longer when the one that left after it is forgotten.
  seed.stop();
  CHECK(a.is_told("gone s"));
  other = std::make_unique<node>(node::options{"p", {a.place()}});
  CHECK(a.sees("a p"));
  other.reset();
  CHECK(a.is_told("forgotten p"));
  CHECK(a.told("forgotten s") == 0);
  CHECK(a.control->members()->gone.at(0).node == "s");
}

TEST_CASE("what is no message of a node does no harm") {
  log_lines log;
  node a({"a", {}});
  node b({"b", {a.place()}});
  CHECK(a.sees("a b"));
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    // Never the first byte of a header: on loopback whoever sends those is trusted.
    std::string bytes = "\xff";
    for (auto n = random() % 200; n > 0; --n) bytes += static_cast<char>(random());
    raw_connection(a.port()).send(bytes);
  }
  const raw_connection silent(a.port());
  raw_connection(a.port()).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  node c({"c", {a.place()}});
  CHECK(c.sees("a b c"));
  CHECK(a.told("gone b") == 0);
}

TEST_CASE("an observer that is an actor is told, and a dead one is forgotten") {
  log_lines log;
  node a({"a", {}});
  node b({"b", {a.place()}});
  CHECK(a.sees("a b"));
  caf::scoped_actor self{a.system()};
  self->send(a.actor(), caf::subscribe_atom::value, caf::actor_cast<caf::actor>(self));
  const auto next = [&self] {
    msg::member_event event;
    self->receive([&event](msg::member_event& e) { event = std::move(e); },
                  caf::after(15s) >> [] { FAIL("nothing was told"); });
    return std::string(msg::to_string(event.what)) + " " + event.who.node;
  };
  CHECK(next() == "joined b");
  node c({"c", {a.place()}});
  CHECK(next() == "joined c");
  b.stop();
  CHECK(next() == "gone b");
}

TEST_CASE("two hundred reconnections leave nothing behind") {
  log_lines log;
  sup::cluster_times quick;
  quick.retry_min = 5ms;
  quick.courtesy = 5ms;
  node::options o{"a", {}};
  o.times = quick;
  node a(o);
  o.name = "b";
  o.seeds = {a.place()};
  node b(o);
  CHECK(a.sees("a b"));
  auto reconnect = [&, times = std::size_t{0}](std::size_t until) mutable {
    while (times < until) {
      b.crash();
      REQUIRE(a.is_told("gone b", ++times));
      b.restart();
      REQUIRE(a.is_told("back b", times));
    }
  };
  reconnect(50);
  const auto before = ::mallinfo2().uordblks;
  reconnect(250);
  const auto after = ::mallinfo2().uordblks;
  MESSAGE("bytes for each reconnection: ",
          (static_cast<double>(after) - static_cast<double>(before)) / 200);
  // An entry that stays in a watched actor takes 1.1 kB; the lines of the log take their share.
  CHECK(after < before + 200 * 1'200);
  CHECK(a.present() == "a b");
}

#include <doctest/doctest.h>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/sec.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "messages/caf_compat.hpp"
#include "messages/cluster.hpp"
#include "messages/directory.hpp"
#include "messages/supervision.hpp"
#include "messages/system.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "tests/support/deterministic.hpp"

using namespace artham;
using namespace std::chrono_literals;
namespace msg = artham::messages;

namespace {

/// What arrives at the other end of a connection.
caf::message over_the_wire(caf::actor_system& system, caf::message sent) {
  std::vector<char> bytes;
  caf::binary_serializer out(system, bytes);
  REQUIRE_FALSE(out(sent));
  caf::message arrived;
  caf::binary_deserializer in(system, bytes);
  REQUIRE_FALSE(in(arrived));
  return arrived;
}

msg::tree_node sample_tree() {
  msg::tree_node leaf;
  leaf.id = "INFY";
  leaf.state = msg::child_state::backing_off;
  leaf.restarts = 3;
  leaf.generation = 4;
  leaf.error = "bad tick";
  leaf.queue_depth = 17;
  msg::tree_node root;
  root.id = "bars";
  root.kind = msg::child_kind::supervisor;
  root.counts = {{"backing_off", 1}};
  root.children = {leaf, leaf};
  return root;
}

}  // namespace

TEST_CASE("every registered type survives the wire") {
  test::deterministic d;
  const auto tree = over_the_wire(d.system, caf::make_message(sample_tree()));
  REQUIRE(tree.match_elements<msg::tree_node>());
  const auto& node = tree.get_as<msg::tree_node>(0);
  CHECK(caf::deep_to_string(node) == caf::deep_to_string(sample_tree()));
  CHECK(node.children.at(1).error == "bad tick");

  const msg::child_event sent{
      msg::child_event::what::down, "a", 5, {}, msg::make_crash(msg::crash::threw, "boom")};
  const auto event = over_the_wire(d.system, caf::make_message(sent));
  REQUIRE(event.match_elements<msg::child_event>());
  const auto& e = event.get_as<msg::child_event>(0);
  CHECK(e.what == msg::child_event::what::down);
  CHECK(e.id == "a");
  CHECK(e.generation == 5);
  CHECK(e.reason == sent.reason);
  CHECK(msg::error_text(e.reason) == "boom");
}

TEST_CASE("what the nodes of a cluster say survives the wire") {
  test::deterministic d;
  const auto same = [&d]<class T>(const T& sent) {
    const caf::message arrived = over_the_wire(d.system, caf::make_message(sent));
    REQUIRE(arrived.template match_elements<T>());
    CHECK((arrived.template get_as<T>(0) == sent));
  };
  const msg::member a{"blue", "n1", "1f", "0.3", 7, {"ingest", "bars"}, "10.0.0.5", 7001, 8, 4};
  auto b = a;
  b.node = "n2";
  same(a);
  same(msg::member_event{msg::member_change::back, b});
  same(msg::welcome{a, {b, a}});
  same(msg::member_list{{a}, {b}});
  same(msg::demand{"n1", "1f", 1ULL << 40, {0, 4'294'967'295, 7}});
  same(msg::watch{"n1", "1f", 3, {{256'265, 1ULL << 63, true}, {5, 0, false}}});
  same(msg::cluster_statuses{{{"n1", "", "{}"}, {"n2", "does not answer", ""}}});

  const msg::cluster_trees trees{{{"n1", "", sample_tree()}, {"n2", "gone", {}}}};
  const auto arrived = over_the_wire(d.system, caf::make_message(trees));
  REQUIRE(arrived.match_elements<msg::cluster_trees>());
  CHECK(caf::deep_to_string(arrived.get_as<msg::cluster_trees>(0)) == caf::deep_to_string(trees));

  // Refusals are told as errors.
  const auto refused = msg::to_caf({errc::refused, "another cluster"});
  const auto told = over_the_wire(d.system, caf::make_message(refused));
  REQUIRE(told.match_elements<caf::error>());
  CHECK(msg::error_of(told.get_as<caf::error>(0)) == error{errc::refused, "another cluster"});
}

TEST_CASE("errors keep their code and text through CAF, and print as their text") {
  test::deterministic d;
  const error conflict{errc::conflict, "port 8080 is in use"};
  CHECK(msg::error_of(msg::to_caf(conflict)) == conflict);
  CHECK(d.system.render(msg::to_caf(conflict)) == "port 8080 is in use");
  CHECK(d.system.render(msg::make_crash(msg::crash::threw, "boom")) == "boom");
  CHECK(msg::error_of(caf::sec::request_timeout) == error{errc::unavailable, "request_timeout"});
  CHECK(msg::error_text(caf::exit_reason::kill) == "kill");
  CHECK(msg::error_text({}) == "normal");
}

TEST_CASE("only an end that nobody wanted is a crash") {
  CHECK_FALSE(msg::is_crash({}));
  CHECK_FALSE(msg::is_crash(caf::exit_reason::normal));
  CHECK_FALSE(msg::is_crash(caf::exit_reason::user_shutdown));
  CHECK(msg::is_crash(caf::exit_reason::kill));
  CHECK(msg::is_crash(caf::exit_reason::remote_link_unreachable));
  CHECK(msg::is_crash(msg::make_crash(msg::crash::threw, "")));
  CHECK(msg::is_crash(caf::sec::runtime_error));
}

TEST_CASE(
    "an actor with our handlers survives what it does not understand, and so do its senders") {
  runtime::set_log_level("off");
  test::deterministic d;
  runtime::metrics metrics;
  const auto unexpected = [&](const char* actor) {
    return metrics.counter("artham_actor_unexpected_messages_total", "", {{"actor", actor}})
        .value();
  };
  auto receiver = d.system.spawn([&metrics](caf::event_based_actor* self) -> caf::behavior {
    msg::install_handlers(self, "receiver", &metrics);
    return {[](int i) { return i + 1; },
            [](const std::string&) -> caf::result<int> {
              return msg::to_caf({errc::refused, "no"});
            }};
  });
  // Sends an unknown message, and one that is answered with an error, without expecting answers.
  auto sender = d.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    msg::install_handlers(self, "sender", &metrics);
    self->send(receiver, 1.5F);
    self->send(receiver, std::string("x"));
    return {[](int i) { return i; }};
  });
  d.run();
  CHECK(unexpected("receiver") == 1);
  CHECK(unexpected("sender") == 1);

  // A request is always answered.
  auto pending = d.self->request(receiver, caf::infinite, caf::atom("who"));
  d.run();
  pending.receive([](int) { FAIL("answered"); },
                  [](caf::error& e) { CHECK(e == caf::sec::unexpected_message); });
  for (auto& a : {receiver, sender}) {
    auto alive = d.self->request(a, caf::infinite, 41);
    d.run();
    alive.receive([](int i) { CHECK(i >= 41); }, [](caf::error& e) { FAIL(msg::error_text(e)); });
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  }
  d.run();
  runtime::set_log_level("info");
}

TEST_CASE("an exception ends the actor with its text as the reason") {
  test::deterministic d;
  auto thrower = d.system.spawn([](caf::event_based_actor* self) -> caf::behavior {
    msg::install_handlers(self, "thrower");
    return {[](int) { throw std::runtime_error("bad tick"); }, [](const std::string&) { throw 1; }};
  });
  d.self->monitor(thrower);
  auto pending = d.self->request(thrower, caf::infinite, 1);
  d.run();
  pending.receive([] { FAIL("answered"); },
                  [](caf::error& e) { CHECK(msg::error_text(e) == "bad tick"); });
  d.self->receive([](caf::down_msg& down) {
    CHECK(down.reason == msg::make_crash(msg::crash::threw, "bad tick"));
  });
}

TEST_CASE("the program's scheduler: shared queue, as many threads as asked, fair") {
  auto config = msg::make_system_config(3);
  caf::actor_system system{config};
  CHECK(system.scheduler().num_workers() == 3);
  CHECK(system.scheduler().max_throughput() == 200);
  auto none = msg::make_system_config(0);
  caf::actor_system least{none};
  CHECK(least.scheduler().num_workers() == 1);
}

TEST_CASE("the directory: last put wins, removal is by who it was") {
  test::deterministic d;
  const auto nobody = [](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; };
  const auto a = d.system.spawn(nobody);
  const auto b = d.system.spawn(nobody);
  const auto names = std::make_shared<msg::directory>();
  msg::peer<> peer(names, "x");
  CHECK_FALSE(names->find("x"));
  names->put("x", a);
  CHECK(peer.get() == a);
  names->put("x", b);
  CHECK(peer.get() == b);
  names->remove("x", a.address());
  CHECK(names->find("x") == b);
  names->remove("x", b.address());
  CHECK_FALSE(peer.get());
  for (const auto& actor : {a, b}) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  d.run();
}

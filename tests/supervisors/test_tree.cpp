#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "messages/directory.hpp"
#include "supervisors/tree_json.hpp"
#include "tests/supervisors/world.hpp"

using namespace artham;
using namespace artham::test;
using msg::restart;

TEST_CASE("the tree shows all below, with states, restarts, errors and queue depths") {
  world w;
  auto deep = w.spec("deep");
  deep.queue_depth = [] { return 42; };
  auto named = world::plain("builders");
  auto names = std::make_shared<msg::directory>();
  named.directory = names;
  auto builders = sup::nested_dynamic_supervisor("builders", named);
  builders.publish_as = "bars.builders";
  auto o = world::plain("node");
  o.directory = names;
  w.supervise(o, {w.spec("ingest"), sup::nested_supervisor("bars", o, {builders, deep})});
  const auto handle = caf::actor_cast<msg::supervisor_actor>(names->find("bars.builders"));
  REQUIRE(handle);
  caf::anon_send(handle, msg::start_child_atom::value, w.spec("INFY"));
  w.run();
  w.crash("ingest", "lost it");
  w.advance(100ms);
  w.crash("INFY", "bad tick");

  CHECK(sup::to_json(w.tree()) == nlohmann::json::parse(R"({
    "id": "node", "kind": "supervisor", "state": "running", "restarts": 0, "generation": 0,
    "counts": {"running": 2},
    "children": [
      {"id": "ingest", "kind": "worker", "state": "running", "restarts": 1, "generation": 2,
       "error": "lost it"},
      {"id": "bars", "kind": "supervisor", "state": "running", "restarts": 0, "generation": 1,
       "counts": {"running": 2},
       "children": [
         {"id": "builders", "kind": "supervisor", "state": "running", "restarts": 0,
          "generation": 1, "counts": {"backing_off": 1},
          "children": [
            {"id": "INFY", "kind": "worker", "state": "backing_off", "restarts": 0,
             "generation": 1, "error": "bad tick"}]},
         {"id": "deep", "kind": "worker", "state": "running", "restarts": 0, "generation": 1,
          "queue_depth": 42}]}]})"));
}

TEST_CASE("a child supervisor that does not answer in time is shown without its children") {
  world w;
  msg::child_spec mute;
  mute.id = "mute";
  mute.kind = msg::child_kind::supervisor;
  mute.shutdown = 1s;
  mute.factory = [](const msg::child_context& c) {
    return c.system.spawn([](caf::event_based_actor* self) -> caf::behavior {
      msg::install_handlers(self, "mute");
      auto kept = std::make_shared<std::vector<caf::response_promise>>();
      return {[self, kept](msg::tree_atom, caf::timespan) {
        kept->push_back(self->make_response_promise());
        return kept->back();
      }};
    });
  };
  w.supervise(world::plain(), {w.spec("a"), mute});
  auto pending = w.self->request(w.top, caf::infinite, msg::tree_atom::value);
  w.run();
  w.advance(500ms);
  pending.receive(
      [](const msg::tree_node& n) {
        CHECK(n.children.at(1).error == "no answer: request_timeout");
        CHECK(n.children.at(1).children.empty());
      },
      [](caf::error& e) { FAIL(msg::error_text(e)); });
}

TEST_CASE("more than 200 dynamic children are summed up; those that do not run are named") {
  world w;
  auto o = world::plain();
  o.intensity = {0, 60s};
  w.supervise(o);
  for (int i = 0; i < 201; ++i) (void)w.start(w.spec("c" + std::to_string(i)));
  CHECK(w.tree().children.empty());
  w.crash("c7");
  const auto tree = w.tree();
  CHECK(tree.counts == std::map<std::string, std::uint64_t>{{"running", 200}, {"failed", 1}});
  REQUIRE(tree.children.size() == 1);
  CHECK(tree.children[0].id == "c7");
}

TEST_CASE("the directory always has the living handle, and nothing while there is none") {
  world w;
  const auto names = std::make_shared<msg::directory>();
  auto o = world::plain("gateway");
  o.directory = names;
  auto hub = w.spec("hub");
  hub.publish_as = "gateway.hub";
  msg::peer<> peer(names, "gateway.hub");
  CHECK_FALSE(peer.get());
  w.supervise(o, {hub});
  CHECK(peer.get() == w.lives["hub"]);
  const auto first = peer.get();
  w.crash("hub");
  CHECK_FALSE(names->find("gateway.hub"));
  CHECK_FALSE(peer.get());
  w.advance(100ms);
  CHECK(peer.get() == w.lives["hub"]);
  CHECK(peer.get() != first);
  // A late removal by the old life's supervisor takes nothing from the new one.
  names->remove("gateway.hub", first.address());
  CHECK(peer.get() == w.lives["hub"]);
  caf::anon_send_exit(w.top, caf::exit_reason::kill);
  w.run();
  CHECK_FALSE(peer.get());
}

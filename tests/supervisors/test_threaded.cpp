#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "messages/system.hpp"
#include "tests/supervisors/world.hpp"

using namespace artham;
using namespace artham::test;

namespace {

using clock_type = std::chrono::steady_clock;

template <class Condition>
bool eventually(Condition c) {
  const auto end = clock_type::now() + 20s;
  while (!c()) {
    if (clock_type::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

}  // namespace

TEST_CASE("on real threads: a tree with a thousand crashing children heals, and stops quickly") {
  runtime::set_log_level("off");
  auto config = msg::make_system_config(2);
  auto alive = std::make_shared<std::atomic<int>>(0);
  auto lives = std::make_shared<std::atomic<int>>(0);
  const auto began = clock_type::now();
  {
    caf::actor_system system{config};
    auto names = std::make_shared<msg::directory>();
    sup::supervisor_options o;
    o.name = "node";
    o.directory = names;
    auto d = o;
    d.name = "builders";
    d.intensity = {100, 1s};
    d.backoff = {1ms, 10ms, 2, 0.5, 1s, true};
    d.escalation.percent = 100;
    auto builders = sup::nested_dynamic_supervisor("builders", d);
    builders.publish_as = "builders";
    const auto top = sup::spawn_supervisor(system, o, {builders});
    REQUIRE(eventually([&] { return bool(names->find("builders")); }));
    const auto handle = caf::actor_cast<msg::supervisor_actor>(names->find("builders"));

    msg::child_spec spec;
    // Throws in its first three lives.
    spec.factory = [alive, lives](const msg::child_context& c) {
      struct state {
        ~state() {
          if (count) --*count;
        }
        std::shared_ptr<std::atomic<int>> count;
      };
      ++*lives;
      return c.system.spawn(
          [alive, generation = c.generation](caf::stateful_actor<state>* self) -> caf::behavior {
            msg::install_handlers(self, "crasher");
            if (generation <= 3) self->send(self, 1);
            self->state.count = alive;
            ++*alive;
            return {[](int) { throw std::runtime_error("boom"); }};
          });
    };
    for (int i = 0; i < 1000; ++i) {
      spec.id = std::to_string(i);
      caf::anon_send(handle, msg::start_child_atom::value, spec);
    }
    CHECK(eventually([&] { return *lives == 4000 && *alive == 1000; }));
    caf::scoped_actor self{system};
    self->request(top, 5s, msg::tree_atom::value)
        .receive(
            [](const msg::tree_node& n) { CHECK(n.children.at(0).counts.at("running") == 1000); },
            [](caf::error& e) { FAIL(msg::error_text(e)); });
    CHECK(sup::stop_and_wait(system, caf::actor_cast<caf::actor>(top), 10s));
    CHECK(*alive == 0);
  }
  CHECK(clock_type::now() - began < 30s);
  runtime::set_log_level("info");
}

TEST_CASE("a long back-off does not hold up the end of the program") {
  runtime::set_log_level("off");
  auto config = msg::make_system_config(1);
  const auto began = clock_type::now();
  {
    caf::actor_system system{config};
    sup::supervisor_options o;
    o.name = "s";
    o.backoff.min = 1h;
    o.backoff.max = 1h;
    msg::child_spec spec;
    spec.id = "never";
    auto tried = std::make_shared<std::atomic<bool>>(false);
    spec.factory = [tried](const msg::child_context&) -> caf::actor {
      *tried = true;
      throw std::runtime_error("no");
    };
    const auto top = sup::spawn_supervisor(system, o, {spec});
    CHECK(eventually([&] { return tried->load(); }));
    CHECK(sup::stop_and_wait(system, caf::actor_cast<caf::actor>(top), 10s));
  }
  CHECK(clock_type::now() - began < 5s);
  runtime::set_log_level("info");
}

TEST_CASE("a child that hangs in a handler is given up after its kill; the rest ends in order") {
  runtime::set_log_level("off");
  auto config = msg::make_system_config(2);
  std::atomic<bool> hangs{false}, free{false};
  {
    caf::actor_system system{config};
    sup::supervisor_options o;
    o.name = "s";
    o.kill_grace = 20ms;
    msg::child_spec spec;
    spec.id = "hangs";
    spec.shutdown = 20ms;
    spec.factory = [&](const msg::child_context& c) {
      return c.system.spawn(
          [](caf::event_based_actor* self, std::atomic<bool>* in,
             std::atomic<bool>* out) -> caf::behavior {
            msg::install_handlers(self, "hangs");
            self->send(self, 1);
            return {[in, out](int) {
              *in = true;
              eventually([out] { return out->load(); });
            }};
          },
          &hangs, &free);
    };
    const auto top = sup::spawn_supervisor(system, o, {spec});
    CHECK(eventually([&] { return hangs.load(); }));
    CHECK(sup::stop_and_wait(system, caf::actor_cast<caf::actor>(top), 10s));
    CHECK_FALSE(free.load());
    free = true;
  }
  runtime::set_log_level("info");
}

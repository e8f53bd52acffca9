#include <doctest/doctest.h>

#include "runtime/metrics.hpp"
#include "tests/supervisors/world.hpp"

using namespace artham;
using namespace artham::test;
using msg::restart;
using sup::strategy;

TEST_CASE("children start in order and stop in reverse, each after the other has ended") {
  world w;
  w.supervise(world::plain(), {w.spec("a"), w.spec("b"), w.spec("c")});
  CHECK(w.tale->take() == "+a1 +b1 +c1");
  w.ask_to_stop();
  CHECK(w.tale->take() == "-c1 -b1 -a1");
  REQUIRE(w.ended() == caf::error(caf::exit_reason::user_shutdown));
}

TEST_CASE("one_for_one starts only the crashed child again") {
  world w;
  w.supervise(world::plain(), {w.spec("a"), w.spec("b"), w.spec("c")});
  w.tale->take();
  w.crash("b");
  CHECK(w.tale->take() == "-b1");
  CHECK(w.state_of("b") == "backing_off");
  w.advance(99ms);
  CHECK(w.tale->take() == "");
  w.advance(1ms);
  CHECK(w.tale->take() == "+b2");
  CHECK(w.state_of("b") == "running");
}

TEST_CASE("rest_for_one stops what was started later, in reverse, and starts all that in order") {
  world w;
  auto o = world::plain();
  o.strategy = strategy::rest_for_one;
  w.supervise(o, {w.spec("a"), w.spec("b"), w.spec("c"), w.spec("d")});
  w.tale->take();
  w.crash("b");
  CHECK(w.tale->take() == "-b1 -d1 -c1");
  CHECK(w.state_of("a") == "running");
  CHECK(w.state_of("c") == "stopped");
  w.advance(100ms);
  CHECK(w.tale->take() == "+b2 +c2 +d2");
  w.crash("d");
  CHECK(w.tale->take() == "-d2");
  w.advance(100ms);
  CHECK(w.tale->take() == "+d3");
}

TEST_CASE("one_for_all stops and starts all") {
  world w;
  auto o = world::plain();
  o.strategy = strategy::one_for_all;
  w.supervise(o, {w.spec("a"), w.spec("b"), w.spec("c")});
  w.tale->take();
  w.crash("b");
  CHECK(w.tale->take() == "-b1 -c1 -a1");
  w.advance(100ms);
  CHECK(w.tale->take() == "+a2 +b2 +c2");
}

TEST_CASE("a crash before the group extends it; a crash inside it is part of it") {
  world w;
  auto o = world::plain();
  o.strategy = strategy::rest_for_one;
  o.intensity = {3, 60s};
  w.supervise(o, {w.spec("a"), w.spec("b"), w.spec("c")});
  w.tale->take();
  w.crash("b");
  w.advance(50ms);
  w.crash("a");
  CHECK(w.tale->take() == "-b1 -c1 -a1");
  // The delay is that of the child that crashed last.
  w.advance(99ms);
  CHECK(w.tale->take() == "");
  w.advance(1ms);
  CHECK(w.tale->take() == "+a2 +b2 +c2");

  // Two crash together: one restart, not two (a fourth would end the supervisor).
  caf::anon_send(w.lives["a"], "boom");
  caf::anon_send(w.lives["c"], "boom");
  w.run();
  CHECK(w.tale->take() == "-a2 -c2 -b2");
  w.advance(200ms);
  CHECK(w.tale->take() == "+a3 +b3 +c3");
  CHECK_FALSE(w.ended());
}

TEST_CASE(
    "a crash in a group that is being stopped is neither a second restart nor a second crash") {
  world w;
  auto o = world::plain();
  o.strategy = strategy::one_for_all;
  o.intensity = {1, 60s};
  auto slow = w.spec("c", restart::permanent, true);
  slow.shutdown = 1s;
  w.supervise(o, {w.spec("a"), w.spec("b"), slow});
  w.tale->take();
  w.crash("a");
  w.crash("b");
  CHECK(w.tale->take() == "-a1 -b1");
  CHECK(w.state_of("c") == "stopping");
  w.advance(1s);
  CHECK(w.tale->take() == "-c1 +a2 +b2 +c2");
  CHECK_FALSE(w.ended());
}

TEST_CASE("restart kinds: permanent always, transient after a crash, temporary never") {
  world w;
  w.supervise(world::plain(), {w.spec("p"), w.spec("t", restart::transient),
                               w.spec("u", restart::transient), w.spec("x", restart::temporary)});
  w.tale->take();
  w.finish("p");
  w.finish("t");
  w.crash("u");
  w.crash("x");
  CHECK(w.tale->take() == "-p1 -t1 -u1 -x1");
  w.advance(200ms);
  CHECK(w.tale->take() == "+p2 +u2");
  CHECK(w.state_of("t") == "stopped");
  CHECK(w.state_of("x") == "stopped");
  // An orderly end on request is no crash either.
  caf::anon_send_exit(w.lives["u"], caf::exit_reason::user_shutdown);
  w.run();
  w.advance(1s);
  CHECK(w.tale->take() == "-u2");
  // Killed from outside is.
  caf::anon_send_exit(w.lives["p"], caf::exit_reason::kill);
  w.run();
  w.advance(1s);
  CHECK(w.tale->take() == "-p2 +p3");
}

TEST_CASE("in a group a temporary child is stopped and does not come back") {
  world w;
  auto o = world::plain();
  o.strategy = strategy::one_for_all;
  w.supervise(o, {w.spec("a"), w.spec("x", restart::temporary)});
  w.tale->take();
  w.crash("a");
  w.advance(100ms);
  CHECK(w.tale->take() == "-a1 -x1 +a2");
}

TEST_CASE("back-off doubles, is reset by a healthy time, and takes injected jitter") {
  world w;
  auto o = world::plain();
  o.backoff.healthy = 5s;
  o.backoff.max = 300ms;
  o.backoff.jitter = 0.5;
  double random = 0.5;
  o.random = [&random] { return random; };
  w.supervise(o, {w.spec("a")});
  w.tale->take();
  const auto delay = [&] {
    w.crash("a");
    w.tale->take();
    for (int ms = 1; ms < 2000; ++ms) {
      w.advance(1ms);
      if (!w.tale->take().empty()) return ms;
    }
    return -1;
  };
  CHECK(delay() == 100);
  CHECK(delay() == 200);
  CHECK(delay() == 300);
  CHECK(delay() == 300);
  random = 0;
  CHECK(delay() == 150);
  random = 0.5;
  w.advance(4999ms);
  CHECK(delay() == 300);
  w.advance(5s);
  CHECK(delay() == 100);
  CHECK(delay() == 200);
}

TEST_CASE("more restarts than allowed end the supervisor with its own reason, children first") {
  world w;
  auto o = world::plain("bars");
  o.intensity = {3, 10s};
  w.supervise(o, {w.spec("a"), w.spec("b")});
  for (int i = 0; i < 3; ++i) {
    w.crash("b");
    w.advance(1s);
  }
  w.tale->take();
  CHECK_FALSE(w.ended());
  w.crash("b", "third time");
  CHECK(w.tale->take() == "-b4 -a1");
  const auto reason = w.ended();
  REQUIRE(reason);
  CHECK(*reason == msg::make_crash(msg::crash::escalated, msg::error_text(*reason)));
  CHECK(msg::error_text(*reason) ==
        "supervisor bars gives up: more than 3 restarts within 10000 ms; the last crash was b: "
        "third time");
}

TEST_CASE("slow crashes never end the supervisor") {
  world w;
  auto o = world::plain();
  o.intensity = {2, 10s};
  o.backoff.healthy = 1s;
  w.supervise(o, {w.spec("a")});
  for (int i = 0; i < 10; ++i) {
    w.crash("a");
    w.advance(6s);
  }
  CHECK_FALSE(w.ended());
  CHECK(w.tree().children.at(0).generation == 11);
  CHECK(w.tree().children.at(0).restarts == 10);
}

TEST_CASE("an escalation is a crash of the supervisor to the one above it") {
  world w;
  auto inner = world::plain("inner");
  inner.intensity = {0, 10s};
  w.supervise(world::plain("outer"),
              {w.spec("a"), sup::nested_supervisor("inner", inner, {w.spec("b"), w.spec("c")})});
  CHECK(w.tale->take() == "+a1 +b1 +c1");
  w.crash("b");
  CHECK(w.tale->take() == "-b1 -c1");
  CHECK(w.state_of("inner") == "backing_off");
  w.advance(100ms);
  CHECK(w.tale->take() == "+b1 +c1");
  const auto tree = w.tree();
  CHECK(tree.children.at(1).generation == 2);
  CHECK(tree.children.at(1).error.find("inner gives up") != std::string::npos);
}

TEST_CASE("a child that does not stop in its time is killed, and the others wait for that") {
  world w;
  auto stubborn = w.spec("b", restart::permanent, true);
  stubborn.shutdown = 2s;
  w.supervise(world::plain(), {w.spec("a"), stubborn, w.spec("c")});
  w.tale->take();
  w.ask_to_stop();
  CHECK(w.tale->take() == "-c1");
  w.advance(1999ms);
  CHECK(w.tale->take() == "");
  CHECK(w.state_of("b") == "stopping");
  w.advance(1ms);
  CHECK(w.tale->take() == "-b1 -a1");
  CHECK(w.ended() == caf::error(caf::exit_reason::user_shutdown));
}

TEST_CASE("shutdown time zero kills at once; unset it is five seconds") {
  world w;
  auto at_once = w.spec("a", restart::permanent, true);
  at_once.shutdown = 0s;
  w.supervise(world::plain(), {w.spec("b", restart::permanent, true), at_once});
  w.tale->take();
  w.ask_to_stop();
  CHECK(w.tale->take() == "-a1");
  w.advance(4999ms);
  CHECK(w.tale->take() == "");
  w.advance(1ms);
  CHECK(w.tale->take() == "-b1");
}

TEST_CASE("a factory that throws is a crash: the others go on, it is tried again with back-off") {
  world w;
  w.factory_throws["b"] = 2;
  w.supervise(world::plain(), {w.spec("a"), w.spec("b"), w.spec("c")});
  CHECK(w.tale->take() == "+a1 !b1 +c1");
  CHECK(w.tree().children.at(1).error == "no b1");
  CHECK(w.tree().children.at(1).generation == 0);
  w.advance(100ms);
  CHECK(w.tale->take() == "!b1");
  w.advance(200ms);
  CHECK(w.tale->take() == "+b1");
}

TEST_CASE("where children depend on those before them, they wait for a factory that throws") {
  world w;
  auto o = world::plain();
  o.strategy = strategy::rest_for_one;
  w.factory_throws["b"] = 1;
  w.supervise(o, {w.spec("a"), w.spec("b"), w.spec("c")});
  CHECK(w.tale->take() == "+a1 !b1");
  CHECK(w.state_of("c") == "starting");
  w.advance(100ms);
  CHECK(w.tale->take() == "+b1 +c1");
}

TEST_CASE("a factory that always throws ends the supervisor by intensity only") {
  world w;
  auto o = world::plain();
  o.intensity = {3, 60s};
  w.factory_throws["b"] = 1000;
  w.supervise(o, {w.spec("a"), w.spec("b")});
  w.advance(699ms);
  CHECK_FALSE(w.ended());
  w.advance(1ms);
  CHECK(w.ended());
  CHECK(w.tale->take() == "+a1 !b1 !b1 !b1 !b1 -a1");
}

TEST_CASE("a child that dies in its first step is a crash, and so is no actor at all") {
  world w;
  int lives = 0;
  msg::child_spec dies;
  dies.id = "dies";
  dies.factory = [&lives](const msg::child_context& c) {
    ++lives;
    return c.system.spawn([](caf::event_based_actor* self) -> caf::behavior {
      msg::install_handlers(self, "dies");
      throw std::runtime_error("at once");
    });
  };
  msg::child_spec none;
  none.id = "none";
  none.factory = [](const msg::child_context&) { return caf::actor(); };
  w.supervise(world::plain(), {dies, none});
  CHECK(w.state_of("dies") == "backing_off");
  CHECK(w.tree().children.at(0).error == "at once");
  CHECK(w.tree().children.at(1).error == "the factory gave no actor of its own");
  w.advance(100ms);
  CHECK(lives == 2);
}

TEST_CASE("stopping while a child backs off ends at once") {
  world w;
  auto o = world::plain();
  o.backoff.min = 10s;
  w.supervise(o, {w.spec("a"), w.spec("b")});
  w.crash("b");
  w.ask_to_stop();
  CHECK(w.ended());
  w.advance(20s);
  CHECK(w.tale->take() == "+a1 +b1 -b1 -a1");
}

TEST_CASE("a crash during the ordered stop does not disturb it") {
  world w;
  auto slow = w.spec("c", restart::permanent, true);
  slow.shutdown = 1s;
  w.supervise(world::plain(), {w.spec("a"), w.spec("b"), slow});
  w.tale->take();
  w.ask_to_stop();
  w.crash("a");
  CHECK(w.tale->take() == "-a1");
  w.advance(1s);
  CHECK(w.tale->take() == "-c1 -b1");
  CHECK(w.ended());
}

TEST_CASE("no child outlives a supervisor that is killed or throws") {
  world w;
  w.supervise(world::plain(),
              {w.spec("a"), sup::nested_supervisor("n", world::plain("n"),
                                                   {w.spec("b", restart::permanent, true)})});
  w.tale->take();
  caf::anon_send_exit(w.top, caf::exit_reason::kill);
  w.run();
  const auto story = w.tale->take();
  CHECK(story.find("-a1") != std::string::npos);
  CHECK(story.find("-b1") != std::string::npos);
  CHECK(w.ended());
}

TEST_CASE("two children of one name are refused with a reason") {
  world w;
  w.supervise(world::plain(), {w.spec("a"), w.spec("a")});
  const auto reason = w.ended();
  REQUIRE(reason);
  CHECK(msg::error_of(*reason).code == errc::usage);
  CHECK(w.tale->take() == "");
}

TEST_CASE("restarts and states are counted, and go on counting in the supervisor's next life") {
  runtime::metrics metrics;
  const auto value = [&](const std::string& name, const runtime::labels& labels) {
    for (const auto& s : metrics.samples()) {
      if (s.name == name && s.labels == labels) return s.value;
    }
    return std::int64_t{-1};
  };
  {
    world w;
    auto o = world::plain("bars");
    o.metrics = &metrics;
    w.supervise(o, {w.spec("a"), w.spec("b")});
    w.crash("a");
    CHECK(value("artham_supervisor_children", {{"state", "running"}, {"supervisor", "bars"}}) == 1);
    CHECK(value("artham_supervisor_children", {{"state", "backing_off"}, {"supervisor", "bars"}}) ==
          1);
    w.advance(100ms);
    CHECK(value("artham_supervisor_restarts_total", {{"child", "a"}, {"supervisor", "bars"}}) == 1);
    CHECK(value("artham_supervisor_restarts_total", {{"child", "b"}, {"supervisor", "bars"}}) == 0);
  }
  CHECK(value("artham_supervisor_children", {{"state", "running"}, {"supervisor", "bars"}}) == 0);
  CHECK(value("artham_supervisor_children", {{"state", "stopped"}, {"supervisor", "bars"}}) == 0);
}

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "runtime/metrics.hpp"
#include "tests/supervisors/world.hpp"

using namespace artham;
using namespace artham::test;
using what = enum msg::child_event::what;
using msg::restart;

namespace {

/// Collects a supervisor's events as text: "started a 1", "down a 1 boom".
caf::behavior observer(caf::event_based_actor* self, std::shared_ptr<story> seen) {
  msg::install_handlers(self, "test.observer");
  return {[seen](const msg::child_event& e) {
    static constexpr const char* names[] = {"started", "down", "parked", "removed"};
    std::string text = std::string(names[static_cast<int>(e.what)]) + ":" + e.id + ":" +
                       std::to_string(e.generation);
    if (e.what == what::down) text += ":" + msg::error_text(e.reason);
    REQUIRE(bool(e.handle) == (e.what == what::started));
    seen->add(std::move(text));
  }};
}

struct dynamic_world : world {
  std::shared_ptr<story> watch() {
    auto seen = std::make_shared<story>();
    watchers.push_back(system.spawn(observer, seen));
    caf::anon_send(top, caf::subscribe_atom::value, watchers.back());
    run();
    return seen;
  }
  ~dynamic_world() {
    stop();
    for (auto& o : watchers) caf::anon_send_exit(o, caf::exit_reason::user_shutdown);
    run();
  }
  std::vector<caf::actor> watchers;
};

errc code_of(const std::variant<caf::actor, caf::error>& answer) {
  REQUIRE(std::holds_alternative<caf::error>(answer));
  return msg::error_of(std::get<caf::error>(answer)).code;
}

}  // namespace

TEST_CASE("a child is started by request, runs, and is stopped and forgotten by request") {
  dynamic_world w;
  w.supervise(world::plain());
  const auto answer = w.start(w.spec("a"));
  REQUIRE(std::holds_alternative<caf::actor>(answer));
  CHECK(std::get<caf::actor>(answer) == w.lives["a"]);
  CHECK(w.state_of("a") == "running");
  CHECK(code_of(w.start(w.spec("a"))) == errc::conflict);
  CHECK(code_of(w.start(w.spec(""))) == errc::usage);

  const auto stopped = w.ask<caf::ok_atom>(msg::stop_child_atom::value, std::string("a"));
  CHECK(std::holds_alternative<caf::ok_atom>(stopped));
  CHECK(w.tale->take() == "+a1 -a1");
  CHECK(w.state_of("a") == "not there");
  const auto again = w.ask<caf::ok_atom>(msg::stop_child_atom::value, std::string("a"));
  CHECK(msg::error_of(std::get<caf::error>(again)).code == errc::not_found);
  CHECK(std::holds_alternative<caf::actor>(w.start(w.spec("a"))));
}

TEST_CASE("stop_child answers when the child is down, to all who asked") {
  dynamic_world w;
  w.supervise(world::plain());
  auto stubborn = w.spec("a", restart::permanent, true);
  stubborn.shutdown = 1s;
  (void)w.start(stubborn);
  auto first = w.self->request(w.top, caf::infinite, msg::stop_child_atom::value, std::string("a"));
  auto second =
      w.self->request(w.top, caf::infinite, msg::stop_child_atom::value, std::string("a"));
  w.run();
  CHECK(w.state_of("a") == "stopping");
  CHECK(code_of(w.start(w.spec("a"))) == errc::conflict);
  w.advance(1s);
  int answers = 0;
  const auto ok = [&](caf::ok_atom) { ++answers; };
  const auto bad = [](caf::error&) { FAIL("refused"); };
  first.receive(ok, bad);
  second.receive(ok, bad);
  CHECK(answers == 2);
  CHECK(w.tale->take() == "+a1 -a1");
}

TEST_CASE("a factory that throws on request: its error is the answer, nothing is kept") {
  dynamic_world w;
  w.supervise(world::plain());
  w.factory_throws["a"] = 1;
  const auto seen = w.watch();
  const auto answer = w.start(w.spec("a"));
  REQUIRE(std::holds_alternative<caf::error>(answer));
  CHECK(msg::error_text(std::get<caf::error>(answer)) == "no a1");
  CHECK(w.state_of("a") == "not there");
  CHECK(seen->take() == "");
  CHECK(std::holds_alternative<caf::actor>(w.start(w.spec("a"))));
}

TEST_CASE("the first crash may be healed at once, without time passing") {
  dynamic_world w;
  auto o = world::plain();
  o.backoff.first_at_once = true;
  w.supervise(o);
  (void)w.start(w.spec("a"));
  w.crash("a");
  CHECK(w.tale->take() == "+a1 -a1 +a2");
  w.crash("a");
  CHECK(w.tale->take() == "-a2");
  w.advance(100ms);
  CHECK(w.tale->take() == "+a3");
}

TEST_CASE("a child over its limit is parked, visible and alarmed; the others do not notice") {
  runtime::metrics metrics;
  const auto failed = [&] {
    for (const auto& s : metrics.samples()) {
      if (s.name == "artham_supervisor_children" && s.labels[0].second == "failed") return s.value;
    }
    return std::int64_t{-1};
  };
  dynamic_world w;
  auto o = world::plain();
  o.intensity = {2, 60s};
  o.backoff.first_at_once = true;
  o.backoff.min = 10ms;
  o.metrics = &metrics;
  w.supervise(o);
  const auto seen = w.watch();
  (void)w.start(w.spec("a"));
  (void)w.start(w.spec("b"));
  for (int i = 0; i < 3; ++i) {
    w.crash("a");
    w.advance(10ms);
  }
  CHECK(w.tale->take() == "+a1 +b1 -a1 +a2 -a2 +a3 -a3");
  CHECK(w.state_of("a") == "failed");
  CHECK(w.state_of("b") == "running");
  CHECK(failed() == 1);
  w.advance(20s);
  CHECK(w.tale->take() == "");
  CHECK(seen->take() ==
        "started:a:1 started:b:1 down:a:1:boom started:a:2 down:a:2:boom started:a:3 down:a:3:boom "
        "parked:a:3");

  // Asked for again it starts anew, with its next generation and a clean slate.
  CHECK(std::holds_alternative<caf::actor>(w.start(w.spec("a"))));
  CHECK(failed() == 0);
  w.crash("a");
  CHECK(w.tale->take() == "+a4 -a4 +a5");
  w.crash("a");
  w.advance(10ms);
  CHECK(w.tale->take() == "-a5 +a6");
  CHECK(seen->take() == "started:a:4 down:a:4:boom started:a:5 down:a:5:boom started:a:6");
}

TEST_CASE("a parked child is forgotten on request") {
  dynamic_world w;
  auto o = world::plain();
  o.intensity = {0, 60s};
  w.supervise(o);
  (void)w.start(w.spec("a"));
  w.crash("a");
  CHECK(w.state_of("a") == "failed");
  CHECK(std::holds_alternative<caf::ok_atom>(
      w.ask<caf::ok_atom>(msg::stop_child_atom::value, std::string("a"))));
  CHECK(w.state_of("a") == "not there");
}

TEST_CASE("a factory that throws on restart counts against the child's limit") {
  dynamic_world w;
  auto o = world::plain();
  o.intensity = {2, 60s};
  w.supervise(o);
  const auto seen = w.watch();
  (void)w.start(w.spec("a"));
  w.factory_throws["a"] = 100;
  w.crash("a");
  w.advance(1s);
  CHECK(w.tale->take() == "+a1 -a1 !a2 !a2");
  CHECK(w.state_of("a") == "failed");
  CHECK(seen->take() == "started:a:1 down:a:1:boom parked:a:1");
}

TEST_CASE("temporary children and transient ones that are done are forgotten") {
  dynamic_world w;
  w.supervise(world::plain());
  const auto seen = w.watch();
  (void)w.start(w.spec("session", restart::temporary));
  (void)w.start(w.spec("job", restart::transient));
  w.crash("session");
  w.finish("job");
  CHECK(w.tree().children.empty());
  CHECK(seen->take() ==
        "started:session:1 started:job:1 down:session:1:boom removed:session:1 "
        "down:job:1:normal removed:job:1");
}

TEST_CASE("it gives up when more than max(at_least, share) of its children crash in the period") {
  dynamic_world w;
  auto o = world::plain("builders");
  o.intensity = {100, 10s};
  w.supervise(o);
  for (int i = 0; i < 600; ++i) (void)w.start(w.spec("c" + std::to_string(i)));
  // 1 % of 600 is 6; the same child again counts once; what is older than the period not at all.
  w.crash("c599");
  w.advance(10s);
  for (int i = 0; i < 6; ++i) w.crash("c" + std::to_string(i));
  w.advance(1s);
  w.crash("c0");
  CHECK_FALSE(w.ended());
  w.crash("c6", "poison");
  const auto reason = w.ended();
  REQUIRE(reason);
  CHECK(msg::error_text(*reason) ==
        "supervisor builders gives up: 7 of 600 children crashed within 10000 ms; the last was c6: "
        "poison");
}

TEST_CASE("with few children the limit is the absolute one") {
  dynamic_world w;
  auto o = world::plain();
  o.escalation.at_least = 2;
  w.supervise(o);
  for (const auto* id : {"a", "b", "c", "d"}) (void)w.start(w.spec(id));
  w.crash("a");
  w.crash("b");
  CHECK_FALSE(w.ended());
  w.crash("c");
  CHECK(w.ended());
}

TEST_CASE("children stop together; one that stays is killed; then the supervisor ends") {
  dynamic_world w;
  w.supervise(world::plain());
  auto stubborn = w.spec("b", restart::permanent, true);
  stubborn.shutdown = 1s;
  (void)w.start(w.spec("a"));
  (void)w.start(stubborn);
  (void)w.start(w.spec("c"));
  w.tale->take();
  w.ask_to_stop();
  const auto ended = w.tale->take();
  CHECK(ended.find("-a1") != std::string::npos);
  CHECK(ended.find("-c1") != std::string::npos);
  CHECK_FALSE(w.ended());
  CHECK(code_of(w.start(w.spec("d"))) == errc::unavailable);
  w.advance(1s);
  CHECK(w.tale->take() == "-b1");
  CHECK(w.ended() == caf::error(caf::exit_reason::user_shutdown));
}

TEST_CASE("a late observer hears first what is there; one that ended is forgotten") {
  dynamic_world w;
  auto o = world::plain();
  o.intensity = {0, 60s};
  w.supervise(o);
  (void)w.start(w.spec("a"));
  (void)w.start(w.spec("b"));
  w.crash("b");
  const auto seen = w.watch();
  auto now = seen->take();
  CHECK((now == "started:a:1 parked:b:1" || now == "parked:b:1 started:a:1"));
  caf::anon_send_exit(w.watchers.back(), caf::exit_reason::user_shutdown);
  w.run();
  w.crash("a");
  CHECK(seen->take() == "");
}

TEST_CASE("ten thousand children under random crashes, stops and starts tell one true story each") {
  dynamic_world w;
  auto o = world::plain("many");
  o.intensity = {3, 5s};
  o.backoff.min = 10ms;
  o.backoff.first_at_once = true;
  o.backoff.healthy = 1s;
  o.escalation.percent = 100;
  w.supervise(o);
  // Checks each child's events as they come.
  struct life {
    std::uint64_t generation = 0;
    enum { none, up, down, parked } state = none;
  };
  auto lives = std::make_shared<std::map<std::string, life>>();
  auto wrong = std::make_shared<int>(0);
  auto checker = w.system.spawn([lives, wrong](caf::event_based_actor* self) -> caf::behavior {
    msg::install_handlers(self, "test.checker");
    return {[lives, wrong](const msg::child_event& e) {
      auto& l = (*lives)[e.id];
      switch (e.what) {
        case what::started:
          *wrong += l.state == life::up || e.generation != l.generation + 1;
          l = {e.generation, life::up};
          break;
        case what::down:
          *wrong += l.state != life::up || e.generation != l.generation;
          l.state = life::down;
          break;
        case what::parked:
          *wrong += l.state != life::down || e.generation != l.generation;
          l.state = life::parked;
          break;
        case what::removed:
          *wrong += l.state == life::up;
          l = {};
          break;
      }
    }};
  });
  w.watchers.push_back(checker);
  caf::anon_send(w.top, caf::subscribe_atom::value, checker);
  constexpr int children = 10'000;
  const auto id = [](int i) { return "c" + std::to_string(i); };
  for (int i = 0; i < children; ++i) {
    caf::anon_send(w.top, msg::start_child_atom::value, w.spec(id(i)));
  }
  w.run();
  REQUIRE(w.tree().counts.at("running") == children);

  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 200; ++i) {
      const auto victim = id(static_cast<int>(random() % children));
      switch (random() % 8) {
        case 0:
          caf::anon_send(w.top, msg::stop_child_atom::value, victim);
          break;
        case 1:
          caf::anon_send(w.top, msg::start_child_atom::value, w.spec(victim));
          break;
        default:
          caf::anon_send(w.lives[random() % 4 == 0 ? id(static_cast<int>(random() % 50)) : victim],
                         std::string("boom"));
      }
    }
    w.run();
    w.scheduler.advance_time(20ms);
    w.run();
  }
  for (int i = 0; i < 100; ++i) {
    w.scheduler.advance_time(200ms);
    w.run();
  }
  CHECK(*wrong == 0);
  CHECK_FALSE(w.ended());
  std::map<std::string, std::uint64_t> counted;
  for (const auto& [name, l] : *lives) {
    if (l.state == life::up) ++counted["running"];
    if (l.state == life::parked) ++counted["failed"];
  }
  const auto tree = w.tree();
  CHECK(tree.counts == counted);
  CHECK(counted["failed"] > 0);
  CHECK(counted["running"] > 8'000);
  CHECK(tree.children.size() == std::min<std::size_t>(counted["failed"], 200));
  w.ask_to_stop();
  CHECK(w.ended() == caf::error(caf::exit_reason::user_shutdown));
}

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <vector>

#include "tests/actors/alert_world.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using test::alert_world;
using list = std::vector<std::string>;

namespace {

bool eventually(const std::function<bool()>& condition) {
  return test::eventually(condition, std::chrono::seconds(30));
}

}  // namespace

TEST_CASE("ticks, bars and gaps fire what rules say, once, with what they are") {
  alert_world w;
  w.start();
  const auto above = w.rule("tick:NSE:INFY", "last_price > 100");
  const auto closed = w.rule("bar:NSE:INFY:1m", "close crosses_below 100", "once");
  const auto lost = w.rule("gap", "");
  for (const auto& r : {above, closed, lost}) REQUIRE(w.in_force(r));
  for (const int p : {99, 101, 102, 99, 105}) w.tick(p);
  w.bar(101);
  w.gap();
  w.tick(98);
  w.bar(99);
  w.bar(101);
  w.bar(99);
  REQUIRE(w.settled());
  const auto id = [](const store::alert_rule& r, int seq) {
    return std::to_string(r.id) + "-1-1-" + std::to_string(seq) + "-0";
  };
  auto expected = list{id(above, 2), id(above, 5), id(closed, 7), id(lost, 6)};
  std::ranges::sort(expected);
  CHECK(w.stored() == expected);
  CHECK(w.replayed() == expected);
  const auto rows = *w.book->alerts({{}, closed.id});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].key == "bar:NSE:INFY:1m");
  CHECK(rows[0].values == R"({"close":"99"})");
  CHECK(rows[0].at == 3 * market::minute);
  CHECK(rows[0].owner == "anybody");
}

TEST_CASE("a rule is in force from where it was made, though it is looked at later") {
  alert_world w;
  w.start();
  REQUIRE(w.settled());
  for (int i = 0; i < 3; ++i) w.tick(200);
  // Nobody looks now.
  w.kill(0);
  const auto r = w.rule("tick:NSE:INFY", "last_price > 100");
  w.tick(99);
  w.tick(101);
  w.start();
  REQUIRE(w.in_force(r));
  REQUIRE(w.settled());
  CHECK(w.stored() == list{std::to_string(r.id) + "-1-1-5-0"});
  CHECK((*w.book->rule(r.id))->progress->from == record::position{1, 3});
  CHECK(w.replayed() == w.stored());
}

TEST_CASE("what was before the first start is nobody's business") {
  alert_world w;
  for (int i = 0; i < 20; ++i) w.tick(i % 2 == 0 ? 99 : 101);
  w.start();
  REQUIRE(w.settled());
  const auto r = w.rule("tick:NSE:INFY", "last_price crosses 100");
  REQUIRE(w.in_force(r));
  w.tick(99);
  w.tick(101);
  REQUIRE(w.settled());
  CHECK(w.stored() == list{std::to_string(r.id) + "-1-1-22-0"});
}

TEST_CASE("a change ends a version where the next begins; a deleted or disabled rule is silent") {
  alert_world w;
  w.start();
  auto r = w.rule("tick:NSE:INFY", "last_price crosses 100");
  REQUIRE(w.in_force(r));
  const auto cross = [&] {
    w.tick(99);
    w.tick(101);
  };
  cross();
  r.condition = "last_price crosses_above 100";
  r = w.change(r);
  CHECK(r.version == 2);
  REQUIRE(w.in_force(r));
  cross();
  cross();
  REQUIRE(w.settled());
  r.enabled = false;
  r = w.change(r);
  cross();
  REQUIRE(w.settled());
  r.enabled = true;
  r = w.change(r);
  REQUIRE(w.in_force(r));
  cross();
  r.deleted = true;
  static_cast<void>(w.change(r));
  cross();
  REQUIRE(w.settled());
  const auto of = [&](int version, int seq) {
    return std::to_string(r.id) + "-" + std::to_string(version) + "-1-" + std::to_string(seq) +
           "-0";
  };
  CHECK(w.stored() == list{of(1, 2), of(2, 4), of(2, 6), of(4, 10)});
  CHECK(w.replayed() == w.stored());
}

TEST_CASE("killed at any time, also two at once, every alert is there once, as a replay has it") {
  alert_world w;
  std::mt19937_64 random(7);
  w.start();
  std::vector<store::alert_rule> rules;
  for (const auto* condition : {"last_price > 100", "last_price crosses 100", "last_price < 95"})
    rules.push_back(w.rule("tick:NSE:INFY", condition));
  rules.push_back(w.rule("bar:NSE:INFY:1m", "close crosses 100"));
  rules.push_back(w.rule("gap", "over == 1"));
  for (const auto& r : rules) REQUIRE(w.in_force(r));
  for (int round = 0; round < 60; ++round) {
    for (auto n = random() % 40; n-- > 0;) {
      const auto what = random() % 20;
      const auto price = 90 + static_cast<int>(random() % 21);
      if (what == 0) {
        w.gap();
      } else if (what < 4) {
        // Two bars never have one cause in two places.
        w.tick(price);
        w.bar(price);
      } else {
        w.tick(price);
      }
    }
    if (round % 7 == 3) {
      auto& r = rules[random() % rules.size()];
      r = w.change(r);
    }
    if (round % 3 == 0) w.start();
    const auto which = random() % w.running.size();
    const bool alone =
        std::ranges::count_if(w.running, [](const auto& a) { return a != nullptr; }) == 1;
    w.kill(which);
    if (alone || random() % 2 == 0) w.start();
  }
  w.start();
  REQUIRE(w.settled());
  const auto stored = w.stored();
  MESSAGE(stored.size() << " alerts");
  CHECK(stored.size() > 100);
  CHECK(std::ranges::adjacent_find(stored) == stored.end());
  const bool same = stored == w.replayed();
  CHECK(same);
}

TEST_CASE("the bell rings when alerts are stored, and not for nothing") {
  alert_world w;
  std::atomic<int> rung{0};
  const auto place = w.bell->wait([&] { ++rung; });
  w.start();
  const auto r = w.rule("tick:NSE:INFY", "last_price > 100");
  REQUIRE(w.in_force(r));
  w.tick(1);
  REQUIRE(w.settled());
  CHECK(rung == 0);
  w.tick(101);
  CHECK(eventually([&] { return rung == 1; }));
  w.bell->leave(place);
  w.tick(1);
  w.tick(101);
  REQUIRE(eventually([&] { return w.stored().size() == 2; }));
  CHECK(rung == 1);
}

TEST_CASE("a stored rule that cannot be read is left out, and the others go on") {
  alert_world w;
  const auto good = w.rule("tick:NSE:INFY", "last_price > 100");
  static_cast<void>(w.rule("tick:NSE:INFY", "wat > 100"));
  static_cast<void>(w.rule("moon:NSE:INFY", "last_price > 100"));
  w.start();
  REQUIRE(w.in_force(good));
  w.tick(101);
  REQUIRE(eventually([&] { return w.stored().size() == 1; }));
  const auto broken =
      w.metrics.gauge("artham_alert_rules_broken", "", {{"stream", "md:ticks"}}).value();
  CHECK(broken == 2);
}

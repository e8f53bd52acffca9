#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "bar_support.hpp"
#include "market/bar_proof.hpp"

using namespace bar_test;

namespace {

/// The stream up to a position, through a prover.
bar_prover proven(const stream& s, const std::shared_ptr<const bar_plan>& plan,
                  const closed_bar& about, std::size_t max_ticks = 10'000) {
  bar_prover p(plan, token, {about.timeframe, about.bar.start, about.bar.end}, max_ticks);
  auto m = s.marks.begin();
  const auto marks_before = [&](position at) {
    for (; m != s.marks.end() && m->position < at; ++m) p.take(*m);
  };
  for (const auto& t : s.ticks) {
    if (t.position() > about.cause) break;
    marks_before(t.position());
    p.take(t, t.time + millisecond);
  }
  marks_before({about.cause.epoch, about.cause.seq + 1});
  return p;
}

std::map<std::string, int> fates(const bar_prover& p) {
  std::map<std::string, int> n;
  for (const auto& t : p.ticks()) ++n[std::string(to_string(t.fate))];
  return n;
}

/// Whether the listed ticks are those of the bar, and their volumes add up to its volume.
void check_adds_up(const bar_prover& p, const bar& b) {
  std::int64_t volume = 0;
  std::vector<proven_tick> inside;
  for (const auto& t : p.ticks()) {
    if (t.fate != tick_fate::used && t.fate != tick_fate::late) {
      CHECK((t.fate == tick_fate::outside || !t.counted));
      continue;
    }
    inside.push_back(t);
    volume += t.counted.value_or(0);
  }
  REQUIRE(inside.size() == b.ticks);
  CHECK(volume == b.volume);
  CHECK(inside.front().tick.position() == b.first);
  CHECK(inside.back().tick.position() == b.last);
  CHECK(inside.front().tick.last == b.open);
  CHECK(inside.back().tick.last == b.close);
}

void check_all(const stream& s, const std::shared_ptr<const bar_plan>& plan) {
  const auto bars = closed_by(plan, s);
  REQUIRE_FALSE(bars.empty());
  for (const auto& b : bars) {
    CAPTURE(text(b.bar));
    const auto p = proven(s, plan, b);
    REQUIRE_FALSE(p.revisions().empty());
    CHECK(p.revisions().back().bar == b.bar);
    CHECK(p.revisions().back().cause == b.cause);
    check_adds_up(p, b.bar);
  }
}

/// A day from a few minutes before the open, with everything that may happen to a feed.
stream busy_day(unsigned seed) {
  std::mt19937 random(seed);
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  stream s;
  const auto open = at("09:15:00");
  auto now = open - static_cast<duration>(random() % 120) * second;
  if (!one_in(3)) s.subscribed(now);
  std::int64_t volume = one_in(2) ? 0 : 500;
  auto clock = now;
  for (int i = 0; i < 250; ++i) {
    now += static_cast<duration>(random() % 4'000) * millisecond;
    for (; clock <= now; clock += 250 * millisecond) s.clock(clock);
    if (one_in(60)) {
      s.gap(now - 5 * second, now);
      if (!s.ticks.empty() && one_in(2)) {
        auto again = s.ticks.back();
        const auto& t = s.tick(again.time, "1");
        again.seq = t.seq;
        again.epoch = t.epoch;
        s.ticks.back() = again;
      }
    }
    if (one_in(90)) {
      s.restart(now);
      if (!one_in(3)) s.subscribed(now);
    }
    const auto delay = one_in(12) ? static_cast<duration>(random() % 40) * second : 0;
    volume += static_cast<std::int64_t>(random() % 20);
    if (one_in(50)) volume = static_cast<std::int64_t>(random() % 100);
    const auto price = std::to_string(100 + random() % 20);
    auto& t = one_in(15) ? s.tick(now - delay, price) : s.tick(now - delay, price, volume);
    if (one_in(40)) t.fields |= bar_input::ahead;
    if (one_in(4)) {
      t.fields |= bar_input::open_interest;
      t.oi = static_cast<std::int64_t>(random() % 1000);
    }
  }
  for (; clock <= now + 10 * minute; clock += 250 * millisecond) s.clock(clock);
  return s;
}

}  // namespace

TEST_CASE("a bar is made again from its ticks, and what each of them counted for is told") {
  const auto plan = make_plan("1m,5m");
  stream s;
  s.subscribed(at("09:14:00"));
  s.clock(at("09:14:01"));
  s.tick(at("09:14:30"), "99", 40);
  s.tick(at("09:15:01"), "100", 100);
  s.tick(at("09:15:02"), "102", 100);
  s.tick(at("09:15:40"), "101", 130);
  s.tick(at("09:16:10"), "103", 150);
  s.clock(at("09:16:11"));
  s.tick(at("09:15:50"), "98", 140);
  const auto bars = closed_by(plan, s);
  REQUIRE(bars.size() == 2);

  const auto first = proven(s, plan, bars[0]);
  CHECK(fates(first) == std::map<std::string, int>{{"used", 3}});
  const auto ticks = first.ticks();
  CHECK(ticks[0].counted == 60);
  CHECK(ticks[1].counted == 0);
  CHECK(ticks[2].counted == 30);
  CHECK(ticks[2].receive == at("09:15:40") + millisecond);
  CHECK(first.revisions().size() == 1);

  const auto second = proven(s, plan, bars[1]);
  CHECK(fates(second) == std::map<std::string, int>{{"late", 1}, {"used", 3}});
  CHECK(second.ticks()[3].counted == 10);
  REQUIRE(second.revisions().size() == 2);
  CHECK(second.revisions()[1].bar == bars[1].bar);
  check_all(s, plan);
}

TEST_CASE("ticks that bars do not use are listed with the reason") {
  const auto plan = make_plan("1m,1D", two_sessions());
  stream s;
  s.subscribed(at("08:59:00"));
  s.clock(at("09:00:01"));
  s.tick(at("09:00:05"), "100", 10);
  auto again = s.ticks.back();
  s.gap(at("09:00:06"), at("09:00:08"));
  again.seq = s.tick(again.time, "100", 10).seq;
  s.ticks.back() = again;
  s.tick(at("09:00:50"), "500", 900).fields |= bar_input::ahead;
  s.clock(at("09:30:00"));
  s.tick(at("09:00:30"), "100", 11);
  s.clock(at("12:30:00"));
  s.tick(at("12:30:00"), "100", 50);
  s.tick(at("13:00:01"), "100", 70);
  s.clock(at("15:31:00"));
  const auto bars = closed_by(plan, s);
  REQUIRE_FALSE(bars.empty());
  const auto day = bars.back();
  REQUIRE(plan->timeframes[day.timeframe] == one_trading_day);
  const auto p = proven(s, plan, day);
  CHECK(fates(p) ==
        std::map<std::string, int>{
            {"ahead", 1}, {"duplicate", 1}, {"outside", 1}, {"too_late", 1}, {"used", 2}});
  for (const auto& t : p.ticks()) {
    if (t.fate == tick_fate::outside) CHECK(t.counted == 40);
  }
  check_adds_up(p, day.bar);
}

TEST_CASE("a day's second session counts on from the first") {
  const auto plan = make_plan("1D", two_sessions());
  stream s;
  s.subscribed(at("08:59:00"));
  s.tick(at("11:59:58"), "100", 10);
  s.tick(at("13:00:01"), "101", 70);
  s.clock(at("15:30:03"));
  const auto bars = closed_by(plan, s);
  REQUIRE(bars.size() == 1);
  const auto ticks = proven(s, plan, bars[0]).ticks();
  REQUIRE(ticks.size() == 2);
  CHECK(ticks[0].counted == 10);
  CHECK(ticks[1].counted == 60);
}

TEST_CASE("every revision of every bar of a busy day is proven") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    check_all(busy_day(seed), make_plan("10s,1m,15m"));
  }
}

TEST_CASE("a proof keeps no more ticks than it may") {
  const auto plan = make_plan("1m");
  stream s;
  for (int i = 0; i < 10; ++i) s.tick(at("09:15:01") + i * second, "100", i);
  s.clock(at("09:16:03"));
  const auto bars = closed_by(plan, s);
  REQUIRE(bars.size() == 1);
  CHECK_FALSE(proven(s, plan, bars[0], 10).has_too_many());
  const auto p = proven(s, plan, bars[0], 9);
  CHECK(p.has_too_many());
  CHECK(p.ticks().size() == 9);
}

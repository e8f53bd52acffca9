#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "market/alert/rule_set.hpp"

using namespace artham;          // NOLINT(google-build-using-namespace)
using namespace artham::market;  // NOLINT(google-build-using-namespace)
using alert::bound_rule;
using alert::fired;
using alert::rule_set;

namespace {

constexpr std::uint32_t infy = 408065;

bound_rule rule_of(std::int64_t id, const std::string& key, const std::string& condition,
                   alert::repeat repeat = alert::repeat::each) {
  bound_rule r;
  r.id = id;
  r.version = 1;
  r.what.key = *alert::parse_rule_key(key);
  auto parsed = alert::condition::parse(condition, r.what.key.of);
  REQUIRE_MESSAGE(parsed, parsed.error().message);
  r.what.condition = std::move(*parsed);
  r.what.repeat = repeat;
  r.token = r.what.key.instrument.empty() ? 0 : infy;
  r.state = alert::fresh_state(r.what);
  return r;
}

struct told_tick {
  std::int64_t price = 0;
  std::int64_t second = 0;
  std::int64_t volume = 0;
  bool ahead = false;
};

/// One at each position from 1 on.
std::vector<fired> feed(rule_set& rules, const std::vector<told_tick>& ticks,
                        std::uint64_t first = 1) {
  std::vector<fired> out;
  for (const auto& t : ticks) {
    bar_input core;
    core.token = infy;
    core.epoch = 1;
    core.seq = first++;
    core.time = t.second * second;
    core.volume_or_size = t.volume;
    core.fields = bar_input::volume;
    if (t.ahead) core.fields |= bar_input::ahead;
    tick full;
    full.mode = tick_mode::quote;
    full.last.units = t.price * price_scale;
    full.volume = t.volume;
    rules.on_tick(core, alert::values_of(full), out);
  }
  return out;
}

std::vector<std::string> ids(const std::vector<fired>& all) {
  std::vector<std::string> out;
  for (const auto& f : all) out.push_back(alert::alert_id(f));
  return out;
}
using list = std::vector<std::string>;

}  // namespace

TEST_CASE("each: every time that the condition begins to hold; once: the first time") {
  const std::vector<told_tick> path{{101, 1}, {102, 2}, {99, 3}, {101, 4},
                                    {103, 5}, {98, 6},  {110, 7}};
  rule_set each({rule_of(7, "tick:NSE:INFY", "last_price > 100")});
  CHECK(ids(feed(each, path)) == list{"7-1-1-1-0", "7-1-1-4-0", "7-1-1-7-0"});
  rule_set once({rule_of(7, "tick:NSE:INFY", "last_price > 100", alert::repeat::once)});
  CHECK(ids(feed(once, path)) == list{"7-1-1-1-0"});
  CHECK(once.rules().front().state.done);
}

TEST_CASE("an alert says when, of what, and what the fields were") {
  rule_set rules({rule_of(3, "tick:NSE:INFY", "last_price >= 100.5 and volume > 5")});
  const auto out = feed(rules, {{100, 10, 6}, {101, 20, 7}});
  REQUIRE(out.size() == 1);
  CHECK(out[0].rule == 3);
  CHECK(out[0].cause == cause{{1, 2}, 0});
  CHECK(out[0].at == 20 * second);
  CHECK(out[0].values == R"({"last_price":"101","volume":"7"})");
}

TEST_CASE("quiet leaves out what follows too soon, in event time, and counts it") {
  auto r = rule_of(1, "tick:NSE:INFY", "last_price > 100");
  r.what.quiet = 10 * second;
  rule_set rules({r});
  const auto out = feed(
      rules,
      {{101, 1}, {99, 2}, {101, 3}, {99, 4}, {101, 5}, {99, 6}, {101, 11}, {99, 12}, {101, 13}});
  REQUIRE(out.size() == 2);
  CHECK(out[0].at == 1 * second);
  CHECK(out[0].left_out == 0);
  CHECK(out[1].at == 11 * second);
  CHECK(out[1].left_out == 2);
}

TEST_CASE("ticks that are older than what was seen, or far ahead of time, are no news") {
  rule_set rules({rule_of(1, "tick:NSE:INFY", "last_price crosses_above 100")});
  CHECK(ids(feed(rules,
                 {{99, 5, 10}, {101, 4, 11}, {101, 5, 9}, {101, 9, 12, true}, {101, 5, 10}})) ==
        list{"1-1-1-5-0"});
}

TEST_CASE(
    "a rule counts from behind where it begins to where the next version does, and until it ends") {
  auto r = rule_of(1, "tick:NSE:INFY", "last_price crosses 100");
  r.from = {1, 2};
  r.until = position{1, 5};
  auto next = rule_of(1, "tick:NSE:INFY", "last_price crosses 100");
  next.version = 2;
  next.from = {1, 5};
  next.ends = 9 * second;
  rule_set rules({next, r});
  // 1 and 2 are nobody's; 3 to 5 the first version's, 6 to 8 the second's; from 9 on it is over.
  CHECK(ids(feed(rules, {{99, 1},
                         {101, 2},
                         {99, 3},
                         {101, 4},
                         {99, 5},
                         {101, 6},
                         {99, 7},
                         {101, 8},
                         {99, 9},
                         {101, 10}})) == list{"1-1-1-4-0", "1-1-1-5-0", "1-2-1-7-0", "1-2-1-8-0"});
}

TEST_CASE("several rules for one record are told in their order, others' instruments to nobody") {
  auto other = rule_of(2, "tick:NSE:TCS", "last_price > 0");
  other.token = infy + 256;
  rule_set rules({rule_of(9, "tick:NSE:INFY", "last_price > 0"), other,
                  rule_of(4, "tick:NSE:INFY", "last_price > 0")});
  CHECK(ids(feed(rules, {{1, 1}})) == list{"4-1-1-1-0", "9-1-1-1-0"});
}

TEST_CASE("bars: final ones are a series; revisions count on their own, where they are asked for") {
  auto all = rule_of(1, "bar:NSE:INFY:1m", "close > 100");
  all.what.revisions = true;
  rule_set rules({all, rule_of(2, "bar:NSE:INFY:1m", "close > 100")});
  const auto tf = *parse_timeframe("1m");
  std::vector<fired> out;
  const auto put = [&](std::uint64_t seq, int close, std::uint32_t revision,
                       std::uint32_t ticks = 1) {
    bar b;
    b.token = infy;
    b.start = static_cast<timestamp>(seq) * minute;
    b.end = b.start + minute;
    b.close.units = close * price_scale;
    b.revision = revision;
    b.ticks = ticks;
    rules.on_bar(tf, b, {{1, seq}, 5}, out);
    rules.on_bar(*parse_timeframe("5m"), b, {{1, seq}, 5}, out);
  };
  put(1, 99, 0);
  put(2, 99, 1);
  put(3, 101, 1);
  put(4, 102, 0);
  put(5, 103, 2);
  put(6, 104, 0);
  put(7, 200, 1, 0);
  CHECK(ids(out) == list{"1-1-1-3-5", "1-1-1-4-5", "2-1-1-4-5", "1-1-1-5-5"});
  CHECK(out[1].at == 5 * minute);
}

TEST_CASE("chains and the Greeks of their options") {
  rule_set rules({rule_of(2, "greeks:NFO:NIFTY26D0125900CE", "iv >= 0.35"),
                  rule_of(1, "chain:NIFTY:2026-12-01", "pcr_oi crosses_above 1")});
  feature::chain_row c;
  c.underlying = "NIFTY";
  c.expiry = make_date(2026, 12, 1);
  c.fields = feature::chain_row::pcr_oi_known;
  feature::option_row o;
  o.token = infy;
  o.fields = feature::option_row::valued;
  std::vector<fired> out;
  const auto put = [&](std::uint64_t seq, double pcr, double iv) {
    c.at = static_cast<timestamp>(seq) * second;
    c.pcr_oi = pcr;
    o.iv = iv;
    c.options = {o};
    rules.on_chain(c, {{1, seq}, 0}, out);
  };
  put(1, 0.9, 0.3);
  put(2, 1.1, 0.35);
  c.expiry = make_date(2026, 12, 8);
  put(3, 0.5, 0.2);
  CHECK(ids(out) == list{"1-1-1-2-0", "2-1-1-2-0"});
  CHECK(out[0].values == R"({"pcr_oi":"1.1"})");
  CHECK(out[1].values == R"({"iv":"0.35"})");
}

TEST_CASE("gaps stand each on its own: when they begin, and when they are over") {
  auto one = rule_of(2, "gap:NSE:INFY", "over == 1 and seconds >= 3");
  rule_set rules({rule_of(1, "gap", ""), one});
  std::vector<fired> out;
  mark m;
  m.kind = mark_kind::gap;
  m.position = {1, 10};
  m.flag = gap_begins;
  m.from = m.time = 100 * second;
  rules.on_mark(m, out);
  m.position = {1, 11};
  m.flag = 0;
  m.time = 103 * second + 500 * millisecond;
  m.tokens = {5, infy};
  rules.on_mark(m, out);
  m.position = {1, 12};
  m.tokens = {5};
  rules.on_mark(m, out);
  m.kind = mark_kind::clock;
  m.position = {1, 13};
  rules.on_mark(m, out);
  CHECK(ids(out) == list{"1-1-1-10-0", "1-1-1-11-0", "2-1-1-11-0", "1-1-1-12-0"});
  CHECK(out[2].values == R"({"over":"1","seconds":"3.5"})");
}

TEST_CASE("a rule that goes on from its stored state says the same, wherever it was stopped") {
  CHECK(rc::check([](const std::vector<std::pair<std::int8_t, std::uint8_t>>& path, bool once,
                     std::uint8_t quiet) {
    const auto make = [&] {
      auto r = rule_of(1, "tick:NSE:INFY",
                       "last_price crosses 0 or last_price > 20 and last_price != 40",
                       once ? alert::repeat::once : alert::repeat::each);
      r.what.quiet = quiet % 8 * second;
      return r;
    };
    std::vector<told_tick> ticks;
    std::int64_t time = 100;
    std::int64_t volume = 0;
    for (const auto& [price, step] : path) {
      // Some come late.
      time += step % 4;
      ticks.push_back({price, time - (step % 16 == 15 ? 2 : 0), volume += step % 3});
    }
    rule_set whole({make()});
    const auto expected = feed(whole, ticks);
    for (std::size_t cut = 0; cut <= ticks.size(); ++cut) {
      const auto at = ticks.begin() + static_cast<std::ptrdiff_t>(cut);
      rule_set first({make()});
      auto out = feed(first, {ticks.begin(), at});
      auto r = make();
      r.state = *alert::read_state(alert::write_state(first.rules().front().state), r.what);
      rule_set second({r});
      for (auto& f : feed(second, {at, ticks.end()}, cut + 1)) out.push_back(std::move(f));
      RC_ASSERT(out == expected);
    }
  }));
}

TEST_CASE("a state is read by rules of its kind only") {
  const auto r = rule_of(1, "tick:NSE:INFY", "last_price crosses 1 or last_price crosses 2");
  auto s = alert::fresh_state(r.what);
  s.sides = {alert::side::below, alert::side::above};
  s.last = alert::verdict::yes;
  s.newest = 5;
  s.volume = 6;
  s.fired = 7;
  s.left_out = 8;
  const auto text = alert::write_state(s);
  CHECK(*alert::read_state(text, r.what) == s);
  CHECK_FALSE(alert::is_done(text));
  s.done = true;
  CHECK(alert::is_done(alert::write_state(s)));
  const auto other = rule_of(1, "tick:NSE:INFY", "last_price crosses 1");
  CHECK(alert::read_state(text, other.what).error().code == errc::corrupt);
  for (const auto* wrong :
       {"", "1", "2w?", "1x?", "1w?-+ 1 2 3", "1w?-+ 1 2 3 4 ", "1w?-* 1 2 3 4"})
    CHECK_FALSE_MESSAGE(alert::read_state(wrong, r.what), wrong);
}

TEST_CASE("only rules that saw something have changed") {
  rule_set rules({rule_of(1, "tick:NSE:INFY", "last_price > 0"), rule_of(2, "gap", "")});
  CHECK(rules.changed().empty());
  feed(rules, {{1, 1}});
  const auto changed = rules.changed();
  REQUIRE(changed.size() == 1);
  CHECK(changed[0]->id == 1);
  CHECK(rules.changed().empty());
}

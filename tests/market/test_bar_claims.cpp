#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "bar_support.hpp"
#include "market/bar_merge.hpp"

// What bars claim, for made-up ticks in any order of arrival. RC_PARAMS="max_success=100000
// seed=..." makes it long; each case is a few minutes of one instrument.

using namespace bar_test;

namespace {

constexpr duration horizon = 15 * minute;
const char* const frames = "10s,1m,3m,5m,1h,125m,1D,1t,3t,60v,20000n,0.25r";

struct made_up {
  timestamp time = 0;
  std::int64_t cents = 0;
  std::int64_t volume = -1;  ///< cumulative; below 0: none
  std::int64_t oi = -1;
  std::uint64_t digest = 0;
};

/// Ticks in tick order, from shortly before one of the times at which something ends.
std::vector<made_up> any_ticks() {
  const auto start = *rc::gen::element(at("09:14:30"), at("12:00:00"), at("15:28:00")) +
                     *rc::gen::inRange<duration>(0, 90) * second;
  const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int, int>>>(
      rc::gen::tuple(rc::gen::element(0, 0, 1, 1, 1, 2, 5, 40), rc::gen::inRange(-30, 30),
                     rc::gen::element(-1, 0, 0, 10, 25, 300, -400), rc::gen::inRange(0, 3)));
  std::vector<made_up> all;
  auto t = start;
  std::int64_t cents = 50'000;
  std::int64_t volume = *rc::gen::element(0, 0, 1'000'000);
  for (const auto& [pause, move, traded, oi] : steps) {
    t += pause * second;
    cents += move;
    if (traded != -1) volume = std::max<std::int64_t>(0, volume + traded);
    made_up m;
    m.time = t;
    m.cents = cents;
    m.volume = traded == -1 ? -1 : volume;
    m.oi = oi == 0 ? -1 : 1'000 + oi;
    all.push_back(m);
  }
  // What stands together in tick order is told apart by arrival only.
  std::stable_sort(all.begin(), all.end(), [](const made_up& a, const made_up& b) {
    return std::pair(a.time, a.volume) < std::pair(b.time, b.volume);
  });
  for (std::size_t i = 0; i < all.size(); ++i) all[i].digest = i + 1;
  return all;
}

/// The ticks arrive up to `earliest` before and `latest` behind their time, those of equal time and
/// volume in their order, with a clock mark at each second and one at the day's end.
stream arrive(const std::vector<made_up>& ticks, duration earliest, duration latest,
              bool subscribed) {
  std::vector<std::pair<timestamp, const made_up*>> arrivals;
  std::map<std::pair<timestamp, std::int64_t>, timestamp> newest;
  for (const auto& t : ticks) {
    auto& not_before = newest[{t.time, t.volume}];
    const auto delay =
        *rc::gen::inRange<duration>(earliest / millisecond, latest / millisecond) * millisecond;
    not_before = std::max(not_before, t.time + delay);
    arrivals.emplace_back(not_before, &t);
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  stream s;
  if (subscribed) s.subscribed(at("09:00:00"));
  const auto close = at("15:30:04");
  auto clock = ticks.empty() ? close : std::max(at("09:15:00"), ticks.front().time - minute);
  const auto clocks_until = [&](timestamp until) {
    for (; clock <= std::min(until, close); clock += second) s.clock(clock);
  };
  for (const auto& [arrival, t] : arrivals) {
    clocks_until(arrival);
    auto& x = t->volume < 0 ? s.tick(t->time, "0") : s.tick(t->time, "0", t->volume);
    x.last = {t->cents * (price_scale / 100)};
    x.digest = t->digest;
    if (t->oi < 0) continue;
    x.fields |= bar_input::open_interest;
    x.oi = t->oi;
  }
  if (clock <= close) s.clock(close);
  return s;
}

std::vector<closed_bar> without_positions(std::vector<closed_bar> bars) {
  for (auto& b : bars) b.bar.first = b.bar.last = {};
  return bars;
}

}  // namespace

TEST_CASE("bars keep what they claim") {
  const auto plan = make_plan(frames);

  CHECK(
      rc::check("in any order of arrival within the horizon, the last revisions are the same", [&] {
        const auto ticks = any_ticks();
        const bool subscribed = *rc::gen::arbitrary<bool>();
        const auto in_time = arrive(ticks, 0, 2'900 * millisecond, subscribed);
        const auto anyhow = arrive(ticks, -5 * second, horizon - second, subscribed);
        bar_aggregator a(plan, token);
        const auto once = in_the_end(closed_by(a, anyhow));
        RC_ASSERT(a.counts().too_late == 0);
        const auto diff = difference(without_positions(once),
                                     without_positions(in_the_end(closed_by(plan, in_time))));
        if (!diff.empty()) RC_FAIL(diff);
        const auto slow =
            difference(once, in_the_end(reference(*plan, anyhow.ticks, anyhow.marks)));
        if (!slow.empty()) RC_FAIL(slow);
      }));

  CHECK(rc::check("a start from saved state anywhere gives the same bytes", [&] {
    const auto s = arrive(any_ticks(), -5 * second, 20 * minute, *rc::gen::arbitrary<bool>());
    const auto whole = closed_by(plan, s);
    const auto every = *rc::gen::inRange<std::size_t>(1, 40);
    bar_aggregator a(plan, token);
    std::vector<closed_bar> out;
    timestamp clock = 0;
    auto tick = s.ticks.begin();
    auto mark = s.marks.begin();
    for (std::size_t n = 0; tick != s.ticks.end() || mark != s.marks.end(); ++n) {
      if (mark != s.marks.end() && (tick == s.ticks.end() || mark->position < tick->position())) {
        a.consume({}, {&*mark, 1}, clock, out);
        if (mark->kind == mark_kind::clock) clock = mark->time;
        ++mark;
      } else {
        a.consume({&*tick, 1}, {}, clock, out);
        ++tick;
      }
      if (n % every != 0) continue;
      std::string bytes;
      a.save(bytes);
      std::string_view in = bytes;
      auto loaded = bar_aggregator::load(plan, in);
      RC_ASSERT(loaded.has_value());
      a = std::move(*loaded);
      std::string again;
      a.save(again);
      RC_ASSERT(again == bytes);
    }
    const auto diff = difference(out, whole);
    if (!diff.empty()) RC_FAIL(diff);
  }));

  CHECK(rc::check("volume is conserved and minutes add up, late ticks and all", [&] {
    const auto ticks = any_ticks();
    bar_aggregator a(plan, token);
    const auto bars = in_the_end(closed_by(a, arrive(ticks, 0, horizon - second, true)));
    std::map<std::uint32_t, std::int64_t> sums;
    for (const auto& b : bars) sums[b.timeframe] += b.bar.volume;
    std::int64_t falls = 0;
    std::int64_t last = -1;
    for (const auto& t : ticks) {
      if (t.volume < 0) continue;
      // Before the first tick at or after the open, a fall restarts the baseline.
      if (last > t.volume && t.time >= at("09:15:00")) falls += last - t.volume;
      last = t.volume;
    }
    const bool opened_after_fall = [&] {
      const auto first = std::find_if(ticks.begin(), ticks.end(), [](const made_up& t) {
        return t.volume >= 0 && t.time >= at("09:15:00");
      });
      const auto before = std::find_if(std::make_reverse_iterator(first), ticks.rend(),
                                       [](const made_up& t) { return t.volume >= 0; });
      return first != ticks.end() && before != ticks.rend() && before->volume > first->volume;
    }();
    if (!opened_after_fall) {
      for (std::uint32_t tf = 0; tf < plan->timeframes.size(); ++tf) {
        RC_ASSERT(a.baseline_volume() + sums[tf] + a.outside_volume() ==
                  std::max<std::int64_t>(last, 0) + (last < 0 ? 0 : falls));
      }
    }
    std::vector<bar> minutes;
    for (const auto& b : bars) {
      if (plan->timeframes[b.timeframe] == parse_timeframe("1m").value()) minutes.push_back(b.bar);
    }
    for (std::uint32_t tf = 1; tf < plan->timeframes.size(); ++tf) {
      if (is_event(plan->timeframes[tf])) continue;
      const auto merged = merge_bars(minutes, plan->timeframes[tf], plan->cal);
      RC_ASSERT(merged.has_value());
      std::size_t next = 0;
      for (const auto& b : bars) {
        if (b.timeframe != tf) continue;
        RC_ASSERT(next < merged->size());
        auto m = (*merged)[next++];
        RC_ASSERT(std::abs(m.vwap.units - b.bar.vwap.units) <= 1);
        m.vwap = b.bar.vwap;
        if (m != b.bar) RC_FAIL(text(m) + "\n" + text(b.bar));
      }
      RC_ASSERT(next == merged->size());
    }
  }));
}

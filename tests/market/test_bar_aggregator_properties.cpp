#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "bar_support.hpp"
#include "market/bar_merge.hpp"

using namespace bar_test;

namespace {

/// Seeded, and the same on every machine.
class dice {
 public:
  explicit dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(n));
  }
  std::int64_t between(std::int64_t low, std::int64_t high) { return low + below(high - low + 1); }
  bool one_in(std::int64_t n) { return below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

enum class volumes { cumulative, sizes, none };

struct market_options {
  volumes kind = volumes::cumulative;
  duration most_delay = 2'900 * millisecond;  ///< from exchange time to arrival
  duration most_pause = 8 * second;           ///< between ticks
  duration clock_interval = second;
  int days = 2;
  bool losses = true;
  bool falls = true;
  bool whole_seconds = false;
};

std::string decimal(std::int64_t cents) {
  return std::to_string(cents / 100) + "." + std::to_string(100 + cents % 100).substr(1);
}

/// Records of some trading days: pre-open, mid-day starts, losses, restarts, resets, times out of
/// order.
stream make_market(std::uint64_t seed, const market_options& o) {
  dice d(seed);
  struct event {
    timestamp arrival;
    int kind;  // 0 tick, 1 clock, 2 gap, 3 subscribed, 4 restart, 5 unsubscribed
    timestamp time = 0;
    timestamp from = 0;
    std::int64_t price = 0, volume = 0, oi = -1;
    bool with_volume = true;
  };
  std::vector<event> events;
  std::int64_t price = d.between(5'000, 200'000);
  for (int day_number = 0; day_number < o.days; ++day_number) {
    auto t = at("08:50:00", day_number) + d.below(d.one_in(2) ? 20 * minute : 4 * hour);
    if (o.whole_seconds) t = t / second * second;
    const auto end = at("09:00:00", day_number) + d.between(1, 7 * 60) * minute;
    if (d.one_in(3)) events.push_back({t - d.below(minute), 3, 0});
    std::int64_t volume = d.one_in(3) ? d.below(1'000'000) : 0;
    bool yesterdays = d.one_in(4);
    const bool has_oi = d.one_in(2);
    while (t < end) {
      t += d.one_in(50) ? d.below(20 * minute) : d.below(o.most_pause);
      if (o.whole_seconds) t = t / second * second;
      if (yesterdays && t >= at("09:15:00", day_number)) {
        yesterdays = false;
        volume = d.below(500);
      }
      price = std::max<std::int64_t>(100, price + d.between(-30, 30));
      if (!d.one_in(3)) volume += d.below(500);
      if (o.falls && d.one_in(200)) volume -= d.below(volume + 1);
      events.push_back({t + d.below(o.most_delay), 0, t, 0, price, volume,
                        has_oi && !d.one_in(4) ? d.between(1'000, 2'000) : -1, !d.one_in(20)});
      if (!o.losses || !d.one_in(150)) continue;
      const auto lost = t + d.below(5 * second);
      const auto until = lost + d.below(3 * minute);
      switch (d.below(5)) {
        case 0:
          events.push_back({until, 4});
          events.push_back({until, 2, until, lost});
          events.push_back({until + 1, 3});
          break;
        case 1:
          events.push_back({lost, 5});
          events.push_back({until, 3});
          break;
        case 2:
          events.push_back({lost, 2, lost, lost, 1});
          events.push_back({until, 2, until, lost});
          break;
        case 3:
          events.push_back({lost, 2, lost, lost, 1});
          events.push_back({until, 4});
          events.push_back({until + 1, 3});
          break;
        default:
          events.push_back({until, 2, until, lost});
          break;
      }
    }
    const auto last = at("15:30:05", day_number);
    for (auto c = at("09:15:00", day_number); c <= last; c += o.clock_interval) {
      if (!d.one_in(10)) events.push_back({c, 1, c});
    }
    events.push_back({last, 1, last});
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const event& a, const event& b) { return a.arrival < b.arrival; });

  stream s;
  for (const auto& e : events) {
    switch (e.kind) {
      case 0: {
        auto& tick =
            o.kind == volumes::none || !e.with_volume
                ? s.tick(e.time, decimal(e.price))
                : (o.kind == volumes::sizes ? s.traded(e.time, decimal(e.price), e.volume % 97)
                                            : s.tick(e.time, decimal(e.price), e.volume));
        if (e.oi >= 0) {
          tick.fields |= bar_input::open_interest;
          tick.oi = e.oi;
        }
        break;
      }
      case 1:
        s.clock(e.time);
        break;
      case 2:
        if (e.price != 0) {
          s.gap_begins(e.from);
        } else {
          s.gap(e.from, e.time);
        }
        break;
      case 3:
        s.subscribed(e.arrival);
        break;
      case 4:
        s.restart(e.arrival);
        break;
      default:
        s.unsubscribed(e.arrival);
    }
  }
  return s;
}

std::vector<market_options> kinds() {
  std::vector<market_options> all(6);
  all[1].kind = volumes::sizes;
  all[2].kind = volumes::none;
  all[3].whole_seconds = true;
  all[3].most_pause = 1'500 * millisecond;
  all[4].clock_interval = 250 * millisecond;
  all[4].most_pause = 400 * millisecond;
  all[4].days = 1;
  all[5].losses = false;
  return all;
}

const char* const timeframe_lists[] = {
    "1m,3m,5m,15m,25m,30m,1h,75m,125m,1D", "3m,5m", "7s,1m", "1D", "2h,1D", "1s",
    "1m,1D,1t,7t,1000v,500000n,0.5r",      "40t"};

/// Gives the records in slices cut anywhere, leaving out clock marks as the contract allows, saving
/// and loading on the way.
std::vector<closed_bar> in_slices(const std::shared_ptr<const bar_plan>& plan, const stream& s,
                                  std::uint64_t seed, std::uint64_t& late) {
  dice d(seed);
  bar_aggregator a(plan, token);
  std::vector<closed_bar> out;
  timestamp clock = 0;
  const auto longest = d.between(1, 400);
  auto tick = s.ticks.begin();
  auto mark = s.marks.begin();
  std::vector<bar_input> ticks;
  std::vector<market::mark> marks;
  while (tick != s.ticks.end() || mark != s.marks.end()) {
    ticks.clear();
    marks.clear();
    const auto before = clock;
    for (auto n = d.between(1, longest); n > 0; --n) {
      if (mark != s.marks.end() && (tick == s.ticks.end() || mark->position < tick->position())) {
        if (mark->kind == mark_kind::clock) clock = std::max(clock, mark->time);
        marks.push_back(*mark++);
      } else if (tick != s.ticks.end()) {
        ticks.push_back(*tick++);
      }
    }
    const bool only_clocks =
        ticks.empty() && std::all_of(marks.begin(), marks.end(), [&](const auto& m) {
          return m.kind == mark_kind::clock && m.time < a.next_close();
        });
    if (only_clocks && !d.one_in(4)) continue;
    a.consume(ticks, marks, before, out);
    if (d.one_in(5)) {
      std::string bytes;
      a.save(bytes);
      std::string_view in = bytes;
      auto loaded = bar_aggregator::load(plan, in);
      REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().message));
      REQUIRE(in.empty());
      a = std::move(*loaded);
    }
    if (d.one_in(5)) {
      std::vector<closed_bar> live;
      a.live(0xffff'ffff, live);
    }
  }
  late = a.counts().late;
  return out;
}

}  // namespace

TEST_CASE("ticks that come out of order within the lateness give the bars of the sorted ticks") {
  std::size_t bars = 0;
  for (const auto& options : kinds()) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const auto s = make_market(seed, options);
      for (const auto* list : timeframe_lists) {
        const auto plan = make_plan(list);
        bar_aggregator a(plan, token);
        const auto made = closed_by(a, s);
        CHECK(a.counts().late == 0);
        const auto diff = difference(by_start(made), reference(*plan, s.ticks, s.marks));
        CHECK_MESSAGE(diff.empty(), "seed ", seed, " ", list, " ", diff);
        bars += made.size();
      }
    }
  }
  CHECK(bars > 10'000);
}

TEST_CASE("two sessions a day and a day around the clock give the bars of the sorted ticks, too") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const auto s = make_market(seed, {});
    for (const auto& cal : {two_sessions(), around_the_clock()}) {
      const auto plan = make_plan("1m,7m,1h,1D,7t,1000v,500000n,0.5r", cal);
      const auto diff =
          difference(by_start(closed_by(plan, s)), reference(*plan, s.ticks, s.marks));
      CHECK_MESSAGE(diff.empty(), "seed ", seed, " ", diff);
    }
  }
}

TEST_CASE("slices cut anywhere, clock marks left out and a saved state give the same bars") {
  for (auto options : kinds()) {
    for (const auto delay : {2'900 * millisecond, 40 * second}) {
      options.most_delay = delay;
      for (std::uint64_t seed = 0; seed < 3; ++seed) {
        const auto s = make_market(seed, options);
        for (const auto* list : timeframe_lists) {
          const auto plan = make_plan(list);
          bar_aggregator whole(plan, token);
          const auto expected = closed_by(whole, s);
          for (std::uint64_t cut = 0; cut < 3; ++cut) {
            std::uint64_t late = 0;
            const auto diff = difference(in_slices(plan, s, cut, late), expected);
            CHECK_MESSAGE(diff.empty(), "seed ", seed, " cut ", cut, " ", list, " ", diff);
            CHECK(late == whole.counts().late);
          }
        }
      }
    }
  }
}

TEST_CASE("however late ticks come, the last revisions are the bars of the sorted ticks") {
  std::uint64_t late = 0;
  std::uint64_t too_late = 0;
  for (auto options : kinds()) {
    for (const auto delay : {40 * second, 10 * minute, 40 * minute}) {
      options.most_delay = delay;
      for (std::uint64_t seed = 0; seed < 2; ++seed) {
        const auto s = make_market(seed, options);
        for (const auto* list :
             {"1m,3m,5m,15m,25m,30m,1h,75m,125m,1D", "7s,1m", "1m,1t,7t,1000v,500000n,0.5r"}) {
          const auto plan = make_plan(list);
          bar_aggregator a(plan, token);
          std::vector<closed_bar> made;
          std::vector<bar_input> kept;
          auto mark = s.marks.begin();
          timestamp clock = 0;
          for (const auto& t : s.ticks) {
            const auto first = mark;
            while (mark != s.marks.end() && mark->position < t.position()) ++mark;
            a.consume({&t, 1}, {first, mark}, clock, made);
            for (auto m = first; m != mark; ++m) {
              if (m->kind == mark_kind::clock) clock = std::max(clock, m->time);
            }
            const bool is_too_late = t.time < clock - plan->revision_horizon;
            if (!is_too_late) kept.push_back(t);
          }
          a.consume({}, {mark, s.marks.end()}, clock, made);
          CHECK(kept.size() + a.counts().too_late == s.ticks.size());
          late += a.counts().late;
          too_late += a.counts().too_late;
          const auto diff =
              difference(in_the_end(made), in_the_end(reference(*plan, kept, s.marks)));
          CHECK_MESSAGE(diff.empty(), "seed ", seed, " delay ", delay / second, " ", list, " ",
                        diff);
        }
      }
    }
  }
  CHECK(late > 10'000);
  CHECK(too_late > 1'000);
}

TEST_CASE("volume is conserved: baseline, bars and outside make the day's volume and its falls") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    market_options options;
    options.days = 1;
    const auto s = make_market(seed, options);
    const auto plan = make_plan("1m,25m,1D,5t,1000v,500000n,0.5r");
    bar_aggregator a(plan, token);
    const auto closed = closed_by(a, s);
    auto ticks = s.ticks;
    std::erase_if(ticks, [](const auto& t) { return (t.fields & bar_input::volume) == 0; });
    std::stable_sort(ticks.begin(), ticks.end(), [](const auto& x, const auto& y) {
      return std::pair(x.time, x.volume_or_size) < std::pair(y.time, y.volume_or_size);
    });
    std::int64_t falls = 0;
    bool opened = false;
    for (std::size_t i = 0; i < ticks.size(); ++i) {
      const bool after_open = ticks[i].time >= at("09:15:00");
      if (opened && i > 0) {
        falls += std::max<std::int64_t>(0, ticks[i - 1].volume_or_size - ticks[i].volume_or_size);
      }
      opened = opened || after_open;
    }
    std::map<std::uint32_t, std::int64_t> sums;
    for (const auto& c : closed) sums[c.timeframe] += c.bar.volume;
    for (std::uint32_t tf = 0; tf < plan->timeframes.size(); ++tf) {
      CHECK_MESSAGE(a.baseline_volume() + sums[tf] + a.outside_volume() ==
                        (ticks.empty() ? 0 : ticks.back().volume_or_size + falls),
                    "seed ", seed, " timeframe ", tf);
    }
  }
}

TEST_CASE("minutes add up to every longer timeframe") {
  std::size_t merged_bars = 0;
  for (const auto& options : kinds()) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const auto s = make_market(seed, options);
      const auto plan = make_plan("1m,3m,5m,15m,25m,30m,1h,75m,125m,1D");
      const auto closed = closed_by(plan, s);
      const auto minutes = only("1m", *plan, closed);
      for (const auto tf : plan->timeframes) {
        const auto merged = merge_bars(minutes, tf, plan->cal);
        REQUIRE_MESSAGE(merged, (merged ? "" : merged.error().message));
        auto built = only(to_string(tf), *plan, closed);
        REQUIRE(merged->size() == built.size());
        for (std::size_t i = 0; i < built.size(); ++i) {
          auto m = (*merged)[i];
          auto& b = built[i];
          // A loss can lie in a minute without a bar; rounded averages cannot be averaged exactly.
          const auto gap = static_cast<std::uint16_t>(bar_flag::gap);
          m.flags = static_cast<std::uint16_t>(m.flags | (b.flags & gap));
          CHECK(std::abs(m.vwap.units - b.vwap.units) <= 1);
          m.vwap = b.vwap;
          CHECK_MESSAGE(m == b, "seed ", seed, " ", to_string(tf), "\n", text(m), "\n", text(b));
          ++merged_bars;
        }
      }
    }
  }
  CHECK(merged_bars > 1'000);
}

TEST_CASE("a damaged state is loaded or refused, never harmful to read") {
  const auto s = make_market(1, {});
  const auto plan = make_plan("1m,5m,1D,7t,1000v");
  bar_aggregator a(plan, token);
  std::vector<closed_bar> out;
  const auto half = s.ticks.size() / 2;
  std::vector<market::mark> early;
  std::vector<market::mark> rest;
  for (const auto& m : s.marks) {
    (m.position < s.ticks[half].position() ? early : rest).push_back(m);
  }
  a.consume({s.ticks.data(), half}, early, 0, out);
  std::string bytes;
  a.save(bytes);
  dice d(7);
  for (int i = 0; i < 300; ++i) {
    auto damaged = bytes.substr(
        0, d.one_in(3) ? d.below(static_cast<std::int64_t>(bytes.size())) : bytes.size());
    for (int k = 0; k < 3 && !damaged.empty(); ++k) {
      damaged[d.below(static_cast<std::int64_t>(damaged.size()))] = static_cast<char>(d.below(256));
    }
    std::string_view in = damaged;
    (void)bar_aggregator::load(plan, in);
  }
}

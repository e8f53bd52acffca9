#include <doctest/doctest.h>

#include <string>

#include "bar_support.hpp"

using namespace bar_test;

namespace {

/// Clock marks at every second from `from` to `to`.
void clocks(stream& s, timestamp from, timestamp to) {
  for (auto t = from; t <= to; t += second) s.clock(t);
}

/// One tick and the clock mark that is newest then.
void on_time(stream& s, timestamp time, std::string_view last, std::int64_t volume) {
  s.clock(time / second * second);
  s.tick(time, last, volume);
}

struct run {
  std::shared_ptr<const bar_plan> plan;
  bar_aggregator made;
  std::vector<closed_bar> closed;

  explicit run(const stream& s, std::string_view timeframes = "1m", calendar_ptr cal = nse())
      : plan(make_plan(timeframes, std::move(cal))),
        made(plan, token),
        closed(closed_by(made, s)) {}

  std::vector<bar> operator[](std::string_view timeframe) const {
    return only(timeframe, *plan, closed);
  }
};

/// Subscribed since before the open, with nothing traded yet.
stream since_before_the_open() {
  stream s;
  s.restart(at("08:59:00"));
  s.subscribed(at("08:59:00"));
  return s;
}

constexpr auto unflagged = std::uint16_t{0};

}  // namespace

TEST_CASE("a bar holds what was traded between its start and its end") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:00"), "100.5", 10);
  on_time(s, at("09:15:20"), "99", 15);
  on_time(s, at("09:15:59.999"), "101", 25);
  on_time(s, at("09:16:00"), "100", 26);
  s.clock(at("09:17:03"));
  const run r(s);
  const auto bars = r["1m"];
  REQUIRE(bars.size() == 2);
  CHECK(bars[0].start == at("09:15:00"));
  CHECK(bars[0].end == at("09:16:00"));
  CHECK(bars[0].open == parse_price("100.5").value());
  CHECK(bars[0].high == parse_price("101").value());
  CHECK(bars[0].low == parse_price("99").value());
  CHECK(bars[0].close == parse_price("101").value());
  CHECK(bars[0].volume == 25);
  CHECK(bars[0].ticks == 3);
  CHECK(bars[0].token == token);
  CHECK(bars[0].revision == 0);
  CHECK(bars[0].flags == unflagged);
  CHECK(bars[0].first == s.ticks[0].position());
  CHECK(bars[0].last == s.ticks[2].position());
  CHECK(bars[1].volume == 1);
  CHECK(bars[1].open == bars[1].close);
}

TEST_CASE("vwap is the volume-weighted price, rounded half to even at 1e-9") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01"), "100", 1);
  on_time(s, at("09:15:02"), "100.000000001", 2);
  on_time(s, at("09:16:01"), "100", 3);
  on_time(s, at("09:16:02"), "101", 5);
  s.clock(at("09:20:00"));
  const run r(s);
  const auto bars = r["1m"];
  REQUIRE(bars.size() == 2);
  CHECK(to_string(bars[0].vwap) == "100");
  CHECK(to_string(bars[1].vwap) == "100.666666667");
}

TEST_CASE("huge prices and volumes do not overflow the vwap") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01"), "9000000000", 4'000'000'000'000);
  on_time(s, at("09:15:02"), "9000000000", 8'000'000'000'000);
  s.clock(at("09:20:00"));
  const run r(s);
  REQUIRE(r.closed.size() == 1);
  CHECK(to_string(r.closed[0].bar.vwap) == "9000000000");
}

TEST_CASE("buckets are anchored at the session's open and the last one is short at the close") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:00"), "1", 1);
  on_time(s, at("10:14:59"), "2", 2);
  on_time(s, at("10:15:00"), "3", 3);
  on_time(s, at("15:14:59"), "4", 4);
  on_time(s, at("15:15:00"), "5", 5);
  on_time(s, at("15:29:59"), "6", 6);
  s.clock(at("15:30:04"));
  const run r(s, "1h,75m,1D");
  const auto hours = r["1h"];
  REQUIRE(hours.size() == 4);
  CHECK(hours[0].ticks == 2);
  CHECK(hours[1].start == at("10:15:00"));
  CHECK(hours[2].start == at("14:15:00"));
  CHECK(hours[3].start == at("15:15:00"));
  CHECK(hours[3].end == at("15:30:00"));
  CHECK(hours[3].volume == 2);
  const auto day = r["1D"];
  REQUIRE(day.size() == 1);
  CHECK(day[0].start == at("09:15:00"));
  CHECK(day[0].end == at("15:30:00"));
  CHECK(day[0].volume == 6);
  CHECK(r["75m"].back().end == at("15:30:00"));
}

TEST_CASE("each session of a day has its own anchor, and the day's bar holds them all") {
  stream s;
  s.subscribed(at("08:00:00"));
  on_time(s, at("09:00:10"), "10", 5);
  on_time(s, at("11:59:59"), "12", 9);
  on_time(s, at("12:30:00"), "90", 10);
  on_time(s, at("13:00:00"), "11", 14);
  on_time(s, at("15:29:00"), "13", 20);
  s.clock(at("15:30:03"));
  const run r(s, "70m,1D", two_sessions());
  const auto bars = r["70m"];
  REQUIRE(bars.size() == 4);
  CHECK(bars[1].start == at("11:20:00"));
  CHECK(bars[1].end == at("12:00:00"));
  CHECK(bars[2].start == at("13:00:00"));
  CHECK(bars[2].volume == 4);
  const auto day = r["1D"];
  REQUIRE(day.size() == 1);
  CHECK(day[0].start == at("09:00:00"));
  CHECK(day[0].end == at("15:30:00"));
  CHECK(day[0].ticks == 4);
  CHECK(day[0].high == parse_price("13").value());
  CHECK(day[0].volume == 19);
  CHECK(r.made.outside_volume() == 1);
}

TEST_CASE("a short session flags its bars") {
  stream s;
  s.subscribed(at("08:00:00", 2));
  on_time(s, at("18:00:10", 2), "10", 5);
  s.clock(at("19:00:03", 2));
  const run r(s, "1m,1D");
  REQUIRE(r.closed.size() == 2);
  for (const auto& c : r.closed) CHECK(flags_text(c.bar.flags) == "short_session");
}

TEST_CASE("no bar for an empty bucket, and none outside of the session") {
  auto s = since_before_the_open();
  on_time(s, at("09:14:59"), "50", 1);
  on_time(s, at("09:20:00"), "100", 2);
  on_time(s, at("15:30:00"), "60", 3);
  s.clock(at("15:40:00"));
  const run r(s, "1m,1D");
  REQUIRE(r["1m"].size() == 1);
  CHECK(r["1m"][0].start == at("09:20:00"));
  CHECK(r["1D"][0].high == parse_price("100").value());
  CHECK(r.made.counts().outside == 2);
}

// ---- the volume's baseline

TEST_CASE("the baseline is the volume of the last tick before the open") {
  stream s;
  on_time(s, at("09:07:59"), "100", 400);
  on_time(s, at("09:08:10"), "100", 1'000);
  on_time(s, at("09:15:01"), "100", 1'030);
  s.clock(at("09:16:03"));
  const run r(s);
  REQUIRE(r.closed.size() == 1);
  CHECK(r.closed[0].bar.volume == 30);
  CHECK(r.closed[0].bar.flags == unflagged);
  CHECK(r.made.baseline_volume() == 1'000);
}

TEST_CASE("yesterday's volume before the open is no baseline") {
  stream s;
  on_time(s, at("09:00:01"), "100", 5'000'000);
  on_time(s, at("09:15:01"), "100", 70);
  on_time(s, at("09:15:02"), "100", 75);
  s.clock(at("09:16:03"));
  const run r(s);
  REQUIRE(r.closed.size() == 1);
  CHECK(r.closed[0].bar.volume == 75);
  CHECK(r.closed[0].bar.flags == unflagged);
  CHECK(r.made.baseline_volume() == 0);
}

TEST_CASE("subscribed without a gap since before the open, the baseline is 0") {
  auto s = since_before_the_open();
  on_time(s, at("11:00:00"), "100", 70);
  s.clock(at("11:01:03"));
  const run r(s);
  REQUIRE(r.closed.size() == 1);
  CHECK(r.closed[0].bar.volume == 70);
  CHECK(r.closed[0].bar.flags == unflagged);
}

TEST_CASE("otherwise the first tick counts 0 and every bar that holds it is partial") {
  const auto first_tick_is_partial = [](const stream& s) {
    const run r(s, "1m,5m,1D");
    const auto minutes = r["1m"];
    REQUIRE(minutes.size() == 2);
    CHECK(minutes[0].volume == 5);
    CHECK(knows(minutes[0], bar::volume_known));
    CHECK(has(minutes[0], bar_flag::partial));
    CHECK(minutes[1].volume == 3);
    CHECK_FALSE(has(minutes[1], bar_flag::partial));
    CHECK(has(r["5m"][0], bar_flag::partial));
    CHECK(has(r["1D"][0], bar_flag::partial));
    CHECK(r["1D"][0].volume == 8);
    CHECK(r.made.baseline_volume() == 1'000);
  };
  const auto trade = [](stream& s) {
    on_time(s, at("11:00:00"), "100", 1'000);
    on_time(s, at("11:00:01"), "100", 1'005);
    on_time(s, at("11:01:01"), "100", 1'008);
    s.clock(at("15:30:03"));
  };
  SUBCASE("never subscribed, as far as the marks tell") {
    stream s;
    trade(s);
    first_tick_is_partial(s);
  }
  SUBCASE("subscribed at the open itself, as a file whose first row is there") {
    stream s;
    s.subscribed(at("09:15:00"));
    trade(s);
    first_tick_is_partial(s);
  }
  SUBCASE("the feed was lost at the open") {
    auto s = since_before_the_open();
    s.gap(at("09:14:00"), at("09:16:00"));
    trade(s);
    first_tick_is_partial(s);
  }
  SUBCASE("the feed is lost and nobody has told yet that it came back") {
    auto s = since_before_the_open();
    s.gap_begins(at("09:20:00"));
    trade(s);
    s.gap(at("09:20:00"), at("15:31:00"));
    first_tick_is_partial(s);
  }
  SUBCASE("subscriptions of a previous run count no more") {
    auto s = since_before_the_open();
    s.restart(at("10:00:00"));
    trade(s);
    first_tick_is_partial(s);
  }
  SUBCASE("the subscription was taken back meanwhile") {
    auto s = since_before_the_open();
    s.unsubscribed(at("09:30:00"));
    s.subscribed(at("09:40:00"));
    trade(s);
    first_tick_is_partial(s);
  }
}

TEST_CASE("what concerns the baseline only from outside leaves it at 0") {
  const auto baseline_is_zero = [](stream& s) {
    on_time(s, at("11:00:00"), "100", 70);
    s.clock(at("11:01:03"));
    const run r(s);
    REQUIRE(r.closed.size() == 1);
    CHECK(r.closed[0].bar.volume == 70);
    CHECK_FALSE(has(r.closed[0].bar, bar_flag::partial));
  };
  auto s = since_before_the_open();
  SUBCASE("a gap of other instruments") {
    s.gap(at("09:20:00"), at("09:30:00"), {1, 2, token + 1});
    baseline_is_zero(s);
  }
  SUBCASE("a gap that was over before the open") {
    s.gap(at("09:00:00"), at("09:05:00"));
    baseline_is_zero(s);
  }
  SUBCASE("another mode of the same subscription") {
    s.subscribed(at("10:00:00"));
    baseline_is_zero(s);
  }
  SUBCASE("other instruments subscribed or taken back") {
    s.subscribed(at("10:00:00"), {1, 2});
    s.unsubscribed(at("10:00:00"), {1, 2});
    baseline_is_zero(s);
  }
  SUBCASE("a restart before the open, with a subscription after it") {
    s.restart(at("09:10:00"));
    s.subscribed(at("09:10:01"));
    baseline_is_zero(s);
  }
  SUBCASE("a gap on the day before, subscribed ever since") {
    s.gap(at("09:20:00", -1), at("09:30:00", -1));
    baseline_is_zero(s);
  }
}

TEST_CASE("an instrument watched without volume first has an unknown baseline") {
  auto s = since_before_the_open();
  s.tick(at("09:15:01"), "100");
  on_time(s, at("10:30:00"), "100", 500'000);
  s.clock(at("10:31:03"));
  const run r(s);
  REQUIRE(r.closed.size() == 2);
  CHECK_FALSE(knows(r.closed[0].bar, bar::volume_known));
  CHECK(r.closed[1].bar.volume == 0);
  CHECK(has(r.closed[1].bar, bar_flag::partial));
}

TEST_CASE("each trading day has a baseline of its own") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:00"), "100", 10);
  s.clock(at("15:30:04"));
  on_time(s, at("09:15:00", 1), "100", 7);
  s.clock(at("15:30:04", 1));
  const run r(s, "1m,1D");
  REQUIRE(r["1D"].size() == 2);
  CHECK(r["1D"][1].volume == 7);
  CHECK(r["1D"][1].flags == unflagged);
}

TEST_CASE("a difference belongs to the bar of the later tick, in every timeframe") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:50"), "100", 100);
  on_time(s, at("09:21:10"), "100", 170);
  s.clock(at("09:30:03"));
  const run r(s, "1m,5m,15m");
  CHECK(r["1m"][1].volume == 70);
  CHECK(r["5m"][0].volume == 100);
  CHECK(r["5m"][1].volume == 70);
  CHECK(r["15m"][0].volume == 170);
}

TEST_CASE(
    "volume after the close belongs to no bar: baseline, bars and outside make the day's volume") {
  stream s;
  on_time(s, at("09:08:00"), "100", 1'000);
  on_time(s, at("09:15:00"), "100", 1'010);
  on_time(s, at("15:29:59"), "100", 1'500);
  on_time(s, at("15:30:00"), "100", 1'600);
  s.clock(at("15:30:04"));
  s.tick(at("15:45:00"), "100", 2'000);
  const run r(s, "1m,1D");
  CHECK(r["1D"][0].volume == 500);
  CHECK(r.made.baseline_volume() == 1'000);
  CHECK(r.made.outside_volume() == 500);
}

TEST_CASE("a fall of the volume counts 0, restarts the difference and is flagged") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 100);
  on_time(s, at("09:15:20"), "100", 40);
  on_time(s, at("09:15:30"), "100", 45);
  on_time(s, at("09:16:30"), "100", 50);
  s.clock(at("09:20:03"));
  const run r(s, "1m,5m");
  CHECK(r["1m"][0].volume == 105);
  CHECK(flags_text(r["1m"][0].flags) == "reset");
  CHECK(r["1m"][1].volume == 5);
  CHECK(r["1m"][1].flags == unflagged);
  CHECK(flags_text(r["5m"][0].flags) == "reset");
}

TEST_CASE("sizes are summed and need no baseline") {
  stream s;
  s.traded(at("09:00:00"), "100", 7);
  s.traded(at("09:15:01"), "100", 415'425);
  s.traded(at("09:15:02"), "101", 375);
  s.traded(at("15:31:00"), "101", 11);
  s.clock(at("15:31:00"));
  const run r(s);
  REQUIRE(r.closed.size() == 1);
  CHECK(r.closed[0].bar.volume == 415'800);
  CHECK(r.closed[0].bar.flags == unflagged);
  CHECK(r.made.baseline_volume() == 7);
  CHECK(r.made.outside_volume() == 11);
}

TEST_CASE("an instrument without volume has none, not 0") {
  auto s = since_before_the_open();
  s.tick(at("09:15:01"), "24000.05");
  s.clock(at("09:16:03"));
  const run r(s);
  REQUIRE(r.closed.size() == 1);
  CHECK_FALSE(knows(r.closed[0].bar, bar::volume_known));
  CHECK_FALSE(knows(r.closed[0].bar, bar::vwap_known));
  CHECK_FALSE(knows(r.closed[0].bar, bar::oi_known));
  CHECK(r.closed[0].bar.flags == unflagged);
}

TEST_CASE("without trades there is a volume of 0, but no vwap") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01"), "100", 0);
  s.clock(at("09:16:03"));
  const run r(s);
  CHECK(knows(r.closed[0].bar, bar::volume_known));
  CHECK_FALSE(knows(r.closed[0].bar, bar::vwap_known));
}

TEST_CASE("OI is the last inside, its change is against the last before the bar on that day") {
  auto s = since_before_the_open();
  const auto with_oi = [&](timestamp t, std::int64_t oi) {
    s.clock(t / second * second);
    auto& x = s.tick(t, "100", 10);
    x.fields |= bar_input::open_interest;
    x.oi = oi;
  };
  with_oi(at("09:15:10"), 1'000);
  with_oi(at("09:15:40"), 1'040);
  on_time(s, at("09:16:10"), "100", 10);
  with_oi(at("09:20:10"), 1'030);
  with_oi(at("09:15:10", 1), 5'000);
  s.clock(at("09:21:03", 1));
  const run r(s, "1m,5m");
  const auto minutes = r["1m"];
  REQUIRE(minutes.size() == 4);
  CHECK(minutes[0].oi == 1'040);
  CHECK_FALSE(knows(minutes[0], bar::oi_change_known));
  CHECK_FALSE(knows(minutes[1], bar::oi_known));
  CHECK(minutes[2].oi_change == -10);
  CHECK_FALSE(knows(minutes[3], bar::oi_change_known));
  CHECK(r["5m"][1].oi_change == -10);
}

TEST_CASE("OI before the open counts as before the first bar") {
  stream s;
  auto& x = s.tick(at("09:08:00"), "100", 10);
  x.fields |= bar_input::open_interest;
  x.oi = 500;
  auto& y = s.tick(at("09:15:00"), "100", 10);
  y.fields |= bar_input::open_interest;
  y.oi = 520;
  s.clock(at("15:30:03"));
  const run r(s, "1m,1D");
  CHECK(r["1m"][0].oi_change == 20);
  CHECK(r["1D"][0].oi_change == 20);
}

// ---- gaps

TEST_CASE("a bar in which the feed was lost is flagged, and those beside it are not") {
  auto s = since_before_the_open();
  for (const auto* t : {"09:15:10", "09:16:10"}) on_time(s, at(t), "100", 10);
  s.clock(at("09:16:50"));
  s.gap(at("09:16:20"), at("09:16:50"));
  on_time(s, at("09:16:55"), "100", 10);
  on_time(s, at("09:17:10"), "100", 20);
  s.clock(at("09:20:03"));
  const run r(s, "1m,5m");
  const auto minutes = r["1m"];
  REQUIRE(minutes.size() == 3);
  CHECK(minutes[0].flags == unflagged);
  CHECK(flags_text(minutes[1].flags) == "gap");
  CHECK(minutes[2].flags == unflagged);
  CHECK(flags_text(r["5m"][0].flags) == "gap");
}

TEST_CASE("a difference across a gap stays in the first bar after it, which is flagged") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 10);
  s.clock(at("09:19:59"));
  s.gap(at("09:16:20"), at("09:19:59"));
  on_time(s, at("09:21:00"), "100", 500);
  on_time(s, at("09:22:00"), "100", 501);
  s.clock(at("09:30:03"));
  const run r(s);
  REQUIRE(r.closed.size() == 3);
  CHECK(r.closed[0].bar.flags == unflagged);
  CHECK(r.closed[1].bar.volume == 490);
  CHECK(flags_text(r.closed[1].bar.flags) == "gap");
  CHECK(r.closed[2].bar.volume == 1);
  CHECK(r.closed[2].bar.flags == unflagged);
}

TEST_CASE("a bar that becomes final while the feed is lost is flagged") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 10);
  on_time(s, at("09:16:10"), "100", 10);
  s.gap_begins(at("09:16:30"));
  clocks(s, at("09:16:31"), at("09:18:10"));
  s.gap(at("09:16:30"), at("09:18:10"));
  on_time(s, at("09:18:20"), "100", 10);
  on_time(s, at("09:19:20"), "100", 10);
  s.clock(at("09:20:03"));
  const run r(s);
  REQUIRE(r.closed.size() == 4);
  CHECK(r.closed[0].bar.flags == unflagged);
  CHECK(flags_text(r.closed[1].bar.flags) == "gap");
  CHECK(flags_text(r.closed[2].bar.flags) == "gap");
  CHECK(r.closed[3].bar.flags == unflagged);
}

TEST_CASE("a gap before the first subscription concerns nobody") {
  stream s;
  s.gap(at("09:15:10"), at("09:15:30"));
  s.subscribed(at("09:15:35"));
  on_time(s, at("09:15:40"), "100", 10);
  s.clock(at("09:16:03"));
  const run r(s);
  CHECK(flags_text(r.closed[0].bar.flags) == "partial");
}

TEST_CASE("more gaps than are kept apart still flag every bar in which the feed was lost") {
  auto s = since_before_the_open();
  for (int i = 0; i < 100; ++i) {
    const auto minute_start = at("09:15:00") + i * minute;
    on_time(s, minute_start + second, "100", 10);
    if (i % 2 == 0) s.gap(minute_start + 2 * second, minute_start + 3 * second);
  }
  s.clock(at("15:30:03"));
  const run r(s, "1m,125m,1D");
  const auto minutes = r["1m"];
  REQUIRE(minutes.size() == 100);
  for (std::size_t i = 0; i < minutes.size(); ++i) {
    CHECK(has(minutes[i], bar_flag::gap) == (i % 2 == 0));
  }
  CHECK(has(r["125m"][0], bar_flag::gap));
  CHECK(has(r["1D"][0], bar_flag::gap));
}

// ---- order, lateness, duplicates

TEST_CASE("equal exchange times are ordered by cumulative volume, then by position") {
  auto s = since_before_the_open();
  s.tick(at("09:15:01"), "103", 30);
  s.tick(at("09:15:01"), "101", 10);
  s.tick(at("09:15:01"), "102", 20);
  s.tick(at("09:15:01"), "104", 30);
  s.clock(at("09:16:03"));
  const run r(s);
  const auto& b = r.closed.at(0).bar;
  CHECK(to_string(b.open) == "101");
  CHECK(to_string(b.close) == "104");
  CHECK(b.volume == 30);
  CHECK(b.flags == unflagged);
  CHECK(b.first == s.ticks[1].position());
  CHECK(b.last == s.ticks[3].position());
}

TEST_CASE("a tick that comes out of order before its bar is final takes its place") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:58"), "100", 10);
  on_time(s, at("09:16:01"), "102", 30);
  s.clock(at("09:16:02"));
  s.tick(at("09:15:59"), "101", 20);
  s.clock(at("09:17:03"));
  const run r(s);
  REQUIRE(r.closed.size() == 2);
  CHECK(to_string(r.closed[0].bar.close) == "101");
  CHECK(r.closed[0].bar.volume == 20);
  CHECK(r.closed[1].bar.volume == 10);
  CHECK(r.made.counts().late == 0);
}

TEST_CASE("a bar is final at the clock mark that reaches its end and the lateness, not before") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 10);
  s.clock(at("09:16:02.750"));
  const auto plan = make_plan("1m,3m");
  bar_aggregator a(plan, token);
  auto out = closed_by(a, s);
  CHECK(out.empty());
  CHECK(a.next_close() == at("09:16:03"));

  stream more;
  more.restart(at("09:16:03"));
  more.clock(at("09:16:03"));
  a.consume(more.ticks, more.marks, at("09:16:02.750"), out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].cause == more.marks.back().position);
  CHECK(a.next_close() == at("09:18:03"));
}

TEST_CASE("nothing open, nothing to close") {
  const auto plan = make_plan("1m,1D");
  bar_aggregator a(plan, token);
  CHECK(a.next_close() == never);
  auto s = since_before_the_open();
  s.tick(at("09:08:00"), "100", 1);
  CHECK(closed_by(a, s).empty());
  CHECK(a.next_close() == never);
}

TEST_CASE("what one mark closes comes in the order of timeframe and start") {
  auto s = since_before_the_open();
  for (int i = 0; i < 20; ++i) s.tick(at("09:15:10") + i * 40 * second, "100", 10 + i);
  s.clock(at("15:30:03"));
  const run r(s, "1m,3m,15m");
  REQUIRE(r.closed.size() > 10);
  for (std::size_t i = 1; i < r.closed.size(); ++i) {
    const auto& a = r.closed[i - 1];
    const auto& b = r.closed[i];
    CHECK(std::pair(a.timeframe, a.bar.start) < std::pair(b.timeframe, b.bar.start));
    CHECK(a.cause == b.cause);
  }
}

TEST_CASE(
    "a late tick revises the final bar that holds it, and its successor's whose volume changes") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 10);
  on_time(s, at("09:16:10"), "101", 20);
  on_time(s, at("09:17:10"), "102", 30);
  s.clock(at("09:18:03"));
  s.tick(at("09:15:50"), "500", 15);
  const auto first = s.ticks.back().position();
  s.tick(at("09:15:55"), "90", 16);
  s.clock(at("09:20:03"));
  const run r(s, "1m,5m");
  CHECK(r.made.counts().late == 2);
  const auto all = r["1m"];
  REQUIRE(all.size() == 7);
  CHECK(r.closed[3].cause == first);
  CHECK(all[3].start == at("09:15:00"));
  CHECK(all[3].revision == 1);
  CHECK(flags_text(all[3].flags) == "late");
  CHECK(to_string(all[3].high) == "500");
  CHECK(all[3].ticks == 2);
  CHECK(all[3].volume == 15);
  CHECK(all[4].start == at("09:16:00"));
  CHECK(all[4].revision == 1);
  CHECK(flags_text(all[4].flags) == "late");
  CHECK(all[4].volume == 5);
  CHECK(all[5].revision == 2);
  CHECK(to_string(all[5].low) == "90");
  CHECK(to_string(all[5].close) == "90");
  CHECK(all[6].start == at("09:16:00"));
  CHECK(all[6].revision == 2);
  CHECK(all[6].volume == 4);
  REQUIRE(r["5m"].size() == 1);
  CHECK(r["5m"][0].revision == 0);
  CHECK(flags_text(r["5m"][0].flags).empty());
  CHECK(to_string(r["5m"][0].high) == "500");
  CHECK(r["5m"][0].ticks == 5);
}

TEST_CASE("a bar that only late ticks made begins with revision 0") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 10);
  s.clock(at("09:17:03"));
  s.tick(at("09:16:50"), "101", 15);
  s.tick(at("09:16:55"), "102", 17);
  s.clock(at("09:17:04"));
  const run r(s);
  REQUIRE(r.closed.size() == 3);
  CHECK(r.closed[1].bar.start == at("09:16:00"));
  CHECK(r.closed[1].bar.revision == 0);
  CHECK(flags_text(r.closed[1].bar.flags) == "late");
  CHECK(r.closed[2].bar.revision == 1);
  CHECK(r.closed[2].bar.volume == 7);
}

TEST_CASE("a tick behind the revision horizon is counted and changes nothing") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 10);
  s.clock(at("09:30:20"));
  s.tick(at("09:15:19.999"), "500", 15);
  SUBCASE("in it") {
    s.tick(at("09:15:20"), "200", 15);
    const run r(s);
    REQUIRE(r.closed.size() == 2);
    CHECK(to_string(r.closed[1].bar.high) == "200");
    CHECK(r.made.counts().late == 1);
    CHECK(r.made.counts().too_late == 1);
  }
  SUBCASE("as the clock mark before the first record tells") {
    stream rest;
    rest.tick(at("09:14:59"), "500", 15);
    bar_aggregator a(make_plan("1m"), token);
    std::vector<closed_bar> out;
    a.consume(rest.ticks, rest.marks, at("09:30:00"), out);
    CHECK(a.counts().too_late == 1);
    CHECK(a.next_close() == never);
    CHECK(out.empty());
  }
}

TEST_CASE("a revision knows of the gaps that its bar knew of when it was final") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 10);
  s.clock(at("09:16:03"));
  s.gap(at("09:15:30"), at("09:16:04"));
  on_time(s, at("09:16:10"), "100", 10);
  s.clock(at("09:17:03"));
  s.tick(at("09:15:40"), "101", 10);
  s.tick(at("09:16:40"), "101", 10);
  const run r(s);
  REQUIRE(r.closed.size() == 4);
  CHECK(flags_text(r.closed[1].bar.flags) == "gap");
  CHECK(flags_text(r.closed[2].bar.flags) == "late");
  CHECK(flags_text(r.closed[3].bar.flags) == "gap|late");
}

TEST_CASE(
    "a tick that is newer than all others of its instrument may come at any time before its bar is "
    "final") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 10);
  s.clock(at("10:00:50"));
  s.tick(at("10:00:05"), "101", 30);
  s.clock(at("10:01:03"));
  const run r(s);
  REQUIRE(r.closed.size() == 2);
  CHECK(r.closed[1].bar.volume == 20);
  CHECK(r.made.counts().late == 0);
}

TEST_CASE("only the first packet after a loss or a subscription can be a duplicate") {
  const auto repeat = [](stream& s) {
    auto& t = s.tick(at("09:15:10"), "100", 10);
    t.digest = 77;
  };
  const auto ticks_counted = [&](const stream& s) {
    const run r(s);
    return r.made.counts();
  };
  auto s = since_before_the_open();
  repeat(s);
  SUBCASE("repeated in the middle of a stream, it counts") {
    repeat(s);
    s.clock(at("09:16:03"));
    CHECK(ticks_counted(s).duplicates == 0);
    CHECK(run(s).closed.at(0).bar.ticks == 2);
  }
  SUBCASE("after a gap") {
    s.gap(at("09:15:11"), at("09:15:12"));
  }
  SUBCASE("after a gap that names it") {
    s.gap(at("09:15:11"), at("09:15:12"), {token});
  }
  SUBCASE("after a subscription") {
    s.subscribed(at("09:15:11"));
  }
  SUBCASE("after a restart") {
    s.restart(at("09:15:11"));
  }
  if (s.marks.size() > 2 && s.ticks.size() == 1) {
    repeat(s);
    repeat(s);
    s.clock(at("09:16:03"));
    CHECK(ticks_counted(s).duplicates == 1);
    CHECK(ticks_counted(s).ticks == 3);
    CHECK(run(s).closed.at(0).bar.ticks == 2);
  }
}

TEST_CASE("marks of others make no duplicates") {
  auto s = since_before_the_open();
  s.tick(at("09:15:10"), "100", 10).digest = 77;
  s.gap(at("09:15:11"), at("09:15:12"), {1});
  s.subscribed(at("09:15:12"), {2});
  s.unsubscribed(at("09:15:12"), {token});
  s.tick(at("09:15:10"), "100", 10).digest = 77;
  s.clock(at("09:16:03"));
  CHECK(run(s).made.counts().duplicates == 0);
}

TEST_CASE("a tick ahead of market time is counted and used by nothing") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:10"), "100", 10);
  s.tick(at("09:15:59"), "900", 90).fields |= bar_input::ahead;
  on_time(s, at("09:15:20"), "101", 20);
  s.clock(at("09:16:03"));
  const run r(s);
  CHECK(r.made.counts().ahead == 1);
  CHECK(r.closed.at(0).bar.volume == 20);
  CHECK(to_string(r.closed.at(0).bar.high) == "101");
  CHECK(to_string(r.closed.at(0).bar.close) == "101");
}

TEST_CASE("a tick without a sensible time is counted and used by nothing") {
  auto s = since_before_the_open();
  for (const auto t : {INT64_MIN, timestamp{-1}, INT64_MAX}) s.tick(t, "100", 5);
  on_time(s, at("09:15:10"), "100", 10);
  s.clock(at("09:16:03"));
  const run r(s);
  CHECK(r.made.counts().outside == 3);
  CHECK(r.closed.at(0).bar.volume == 10);
}

TEST_CASE("a day without sessions has no bars") {
  stream s;
  s.tick(at("10:00:00", -1), "100", 10);
  s.tick(at("10:00:01", -1), "100", 20);
  s.clock(at("10:30:00", -1));
  const run r(s, "1m,1D");
  CHECK(r.closed.empty());
  CHECK(r.made.next_close() == never);
}

TEST_CASE("more ticks than are held while no clock mark comes lose nothing") {
  auto s = since_before_the_open();
  const int count = 100'000;
  for (int i = 0; i < count; ++i) s.tick(at("09:15:00") + i * 3 * millisecond, "100", i + 1);
  s.clock(at("15:30:03"));
  const run r(s, "1m,5m,1D");
  REQUIRE(r["1m"].size() == 5);
  CHECK(r["1m"][0].ticks == 20'000);
  CHECK(r["5m"][0].ticks == count);
  CHECK(r["1D"][0].volume == count);
  CHECK(r.made.counts().late == 0);
}

// ---- live

TEST_CASE("live shows the newest unfinished bar of each timeframe asked for") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:50"), "100", 10);
  on_time(s, at("09:16:01"), "102", 30);
  const auto plan = make_plan("1m,5m,1D");
  bar_aggregator a(plan, token);
  CHECK(closed_by(a, s).empty());
  std::vector<closed_bar> out;
  a.live(0b111, out);
  REQUIRE(out.size() == 3);
  CHECK(out[0].timeframe == 0);
  CHECK(out[0].bar.start == at("09:16:00"));
  CHECK(out[0].bar.volume == 20);
  CHECK(out[0].cause == s.ticks.back().position());
  CHECK(out[1].bar.ticks == 2);
  CHECK(out[1].bar.volume == 30);
  CHECK(out[2].timeframe == 2);

  out.clear();
  a.live(0b010, out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].timeframe == 1);
}

TEST_CASE("after the close live shows the last bars until they are final") {
  auto s = since_before_the_open();
  on_time(s, at("15:29:50"), "100", 10);
  on_time(s, at("15:30:01"), "102", 30);
  const auto plan = make_plan("1m,1D");
  bar_aggregator a(plan, token);
  closed_by(a, s);
  std::vector<closed_bar> out;
  a.live(0b11, out);
  REQUIRE(out.size() == 2);
  CHECK(out[0].bar.volume == 10);
  stream end;
  end.restart(at("15:30:03"));
  end.clock(at("15:30:03"));
  a.consume({}, end.marks, at("15:30:01"), out);
  out.clear();
  a.live(0b11, out);
  CHECK(out.empty());
}

TEST_CASE("live bars grow into the final one") {
  auto s = since_before_the_open();
  for (int i = 0; i < 50; ++i) on_time(s, at("09:15:00") + i * second, "100", 10 * i + 1);
  const auto plan = make_plan("1m");
  bar_aggregator a(plan, token);
  closed_by(a, s);
  std::vector<closed_bar> live;
  a.live(1, live);
  s.clock(at("09:16:03"));
  const auto closed = closed_by(plan, s);
  REQUIRE(closed.size() == 1);
  REQUIRE(live.size() == 1);
  CHECK(live[0].bar == closed[0].bar);
}

// ---- state

TEST_CASE("a saved state that cannot be read is refused, saying why") {
  auto s = since_before_the_open();
  for (int i = 0; i < 50; ++i) on_time(s, at("09:15:00") + i * second, "100", 10 * i + 1);
  const auto plan = make_plan("1m,1D");
  bar_aggregator a(plan, token);
  closed_by(a, s);
  std::string bytes;
  a.save(bytes);
  const auto refused = [&](std::string_view in, const std::shared_ptr<const bar_plan>& p) {
    auto loaded = bar_aggregator::load(p, in);
    REQUIRE_FALSE(loaded.has_value());
    return loaded.error();
  };
  for (std::size_t n = 0; n < bytes.size(); n += 7) {
    CHECK(refused(std::string_view(bytes).substr(0, n), plan).code == errc::corrupt);
  }
  CHECK(refused(bytes, make_plan("1m,5m")).code == errc::conflict);
  CHECK(refused(bytes, make_plan("1m,1D", nse(), 5 * second)).code == errc::conflict);
  CHECK(refused(bytes, make_plan("1m,1D", around_the_clock())).code == errc::conflict);
  auto newer = bytes;
  newer[0] = 99;
  CHECK(refused(newer, plan).code == errc::unsupported);

  std::string_view two = bytes += bytes;
  CHECK(bar_aggregator::load(plan, two).has_value());
  CHECK(two.size() * 2 == bytes.size());
}

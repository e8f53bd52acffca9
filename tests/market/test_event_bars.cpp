#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bar_support.hpp"

// Bars that end with a count of ticks, a volume, a value or a span of prices: worked by hand.
// Properties of them stand with those of all bars.

using namespace bar_test;

namespace {

/// Subscribed since before the open, with nothing traded yet.
stream since_before_the_open() {
  stream s;
  s.restart(at("08:59:00"));
  s.subscribed(at("08:59:00"));
  return s;
}

/// One tick and the clock mark that is newest then.
void on_time(stream& s, timestamp time, std::string_view last, std::int64_t volume) {
  s.clock(time / second * second);
  s.tick(time, last, volume);
}

std::vector<bar> bars_of(const stream& s, std::string_view timeframe, calendar_ptr cal = nse()) {
  const auto plan = make_plan(timeframe, std::move(cal));
  return only(timeframe, *plan, closed_by(plan, s));
}

/// `09:15:01..09:15:03.000001 o100 h101 l99 c100 v20 n3`, then revision and flags where there are
/// any.
std::string brief(const bar& b) {
  const auto time = [](timestamp t) { return to_rfc3339(t, 5 * hour + 30 * minute).substr(11); };
  const auto without_zone = [&](timestamp t) { return time(t).substr(0, time(t).size() - 6); };
  auto text = without_zone(b.start) + ".." + without_zone(b.end) + " o" + to_string(b.open) + " h" +
              to_string(b.high) + " l" + to_string(b.low) + " c" + to_string(b.close) + " v" +
              std::to_string(b.volume) + " n" + std::to_string(b.ticks);
  if (b.revision != 0) text += " r" + std::to_string(b.revision);
  if (b.flags != 0) text += " " + flags_text(b.flags);
  return text;
}

using texts = std::vector<std::string>;

texts briefs(const std::vector<bar>& bars) {
  texts all;
  for (const auto& b : bars) all.push_back(brief(b));
  return all;
}

}  // namespace

TEST_CASE("a tick bar ends with its last tick, and the next one begins with the tick behind it") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:00"), "100", 10);
  on_time(s, at("09:15:02"), "102", 15);
  on_time(s, at("09:15:04"), "99", 25);
  on_time(s, at("09:15:09"), "101", 26);
  on_time(s, at("09:15:10"), "103", 30);
  on_time(s, at("09:15:20"), "100", 30);
  on_time(s, at("09:15:21"), "100", 31);
  s.clock(at("09:15:30"));
  CHECK(briefs(bars_of(s, "3t")) == texts{"09:15:00..09:15:04.000001 o100 h102 l99 c99 v25 n3",
                                          "09:15:09..09:15:20.000001 o101 h103 l100 c100 v5 n3"});
  CHECK(bars_of(s, "1t").size() == 7);
}

TEST_CASE("a volume bar ends with the tick that reaches the volume, which stays in it whole") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:00"), "100", 40);
  on_time(s, at("09:15:01"), "101", 99);
  on_time(s, at("09:15:02"), "102", 350);
  on_time(s, at("09:15:03"), "103", 450);
  on_time(s, at("09:15:04"), "104", 451);
  s.clock(at("09:15:30"));
  CHECK(briefs(bars_of(s, "100v")) == texts{"09:15:00..09:15:02.000001 o100 h102 l100 c102 v350 n3",
                                            "09:15:03..09:15:03.000001 o103 h103 l103 c103 v100 "
                                            "n1"});
}

TEST_CASE("a value bar sums price times volume, exactly") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:00"), "99.5", 10);
  on_time(s, at("09:15:01"), "0.499999999", 15);  // 995 + 2.499999995
  on_time(s, at("09:15:02"), "2.5", 16);
  on_time(s, at("09:15:03"), "0.000000005", 17);
  on_time(s, at("09:15:04"), "1", 18);
  s.clock(at("09:15:30"));
  CHECK(briefs(bars_of(s, "1000n")) ==
        texts{"09:15:00..09:15:03.000001 o99.5 h99.5 l0.000000005 c0.000000005 v17 n4"});
}

TEST_CASE("huge prices and volumes do not overflow a value bar") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01"), "9000000000", 1'000'000'000);
  on_time(s, at("09:15:02"), "9000000000", 1'024'819'115);
  on_time(s, at("09:15:03"), "9000000000", 1'024'819'116);
  s.clock(at("09:15:30"));
  // 9'223'372'036'854'775'807 lies between the last two.
  CHECK(briefs(bars_of(s, "9223372036854775807n")) ==
        texts{"09:15:01..09:15:03.000001 o9000000000 h9000000000 l9000000000 c9000000000 "
              "v1024819116 n3"});
}

TEST_CASE("a range bar ends with the tick that makes its span, however far that one jumps") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:00"), "100", 1);
  on_time(s, at("09:15:01"), "101", 2);
  on_time(s, at("09:15:02"), "98.51", 3);  // 2.49
  on_time(s, at("09:15:03"), "98.5", 4);   // 2.5
  on_time(s, at("09:15:04"), "98.5", 5);
  on_time(s, at("09:15:05"), "110", 6);
  on_time(s, at("09:15:06"), "110", 7);
  s.clock(at("09:15:30"));
  CHECK(briefs(bars_of(s, "2.5r")) == texts{"09:15:00..09:15:03.000001 o100 h101 l98.5 c98.5 v4 n4",
                                            "09:15:04..09:15:05.000001 o98.5 h110 l98.5 c110 v2 "
                                            "n2"});
}

TEST_CASE("event bars begin with a session and the last one ends with its close, short") {
  stream s;
  s.subscribed(at("08:00:00"));
  on_time(s, at("08:59:59"), "1", 5);
  on_time(s, at("09:00:10"), "10", 15);
  on_time(s, at("11:59:58"), "12", 19);
  on_time(s, at("11:59:59"), "13", 29);
  on_time(s, at("12:30:00"), "90", 40);
  on_time(s, at("13:00:00"), "11", 44);
  on_time(s, at("15:29:00"), "14", 46);
  on_time(s, at("15:30:00"), "15", 100);
  s.clock(at("15:30:03"));
  on_time(s, at("09:00:00", 1), "20", 7);
  s.clock(at("12:00:03", 1));
  const texts tick_bars{"09:00:10..11:59:58.000001 o10 h12 l10 c12 v14 n2",
                        "11:59:59..12:00:00 o13 h13 l13 c13 v10 n1",
                        "13:00:00..15:29:00.000001 o11 h14 l11 c14 v6 n2",
                        "09:00:00..12:00:00 o20 h20 l20 c20 v7 n1"};
  CHECK(briefs(bars_of(s, "2t", two_sessions())) == tick_bars);
  const texts volume_bars{"09:00:10..12:00:00 o10 h13 l10 c13 v24 n3",
                          "13:00:00..15:30:00 o11 h14 l11 c14 v6 n2",
                          "09:00:00..12:00:00 o20 h20 l20 c20 v7 n1"};
  CHECK(briefs(bars_of(s, "1000v", two_sessions())) == volume_bars);
  CHECK(briefs(bars_of(s, "1000n", two_sessions())) == volume_bars);
  CHECK(briefs(bars_of(s, "1000r", two_sessions())) == volume_bars);
}

TEST_CASE("bars that begin within one instant follow each other by microseconds") {
  auto s = since_before_the_open();
  for (int i = 0; i < 5; ++i) on_time(s, at("09:15:01"), "100", 10 + i);
  on_time(s, at("09:15:02"), "100", 20);
  on_time(s, at("09:15:02"), "100", 21);
  s.clock(at("09:15:30"));
  CHECK(briefs(bars_of(s, "1t")) == texts{"09:15:01..09:15:01.000001 o100 h100 l100 c100 v10 n1",
                                          "09:15:01.000001..09:15:01.000002 o100 h100 l100 c100 "
                                          "v1 n1",
                                          "09:15:01.000002..09:15:01.000003 o100 h100 l100 c100 "
                                          "v1 n1",
                                          "09:15:01.000003..09:15:01.000004 o100 h100 l100 c100 "
                                          "v1 n1",
                                          "09:15:01.000004..09:15:01.000005 o100 h100 l100 c100 "
                                          "v1 n1",
                                          "09:15:02..09:15:02.000001 o100 h100 l100 c100 v6 n1",
                                          "09:15:02.000001..09:15:02.000002 o100 h100 l100 c100 "
                                          "v1 n1"});
  const auto pairs = bars_of(s, "2t");
  REQUIRE(pairs.size() == 3);
  CHECK(brief(pairs[1]) == "09:15:01.000001..09:15:01.000002 o100 h100 l100 c100 v2 n2");
  CHECK(brief(pairs[2]) == "09:15:01.000002..09:15:02.000001 o100 h100 l100 c100 v7 n2");
}

TEST_CASE("bounds are whole microseconds, and the last one of a session may end behind its close") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01.000000400"), "100", 10);
  on_time(s, at("09:15:01.000002999"), "101", 11);
  on_time(s, at("15:29:59.999999100"), "102", 12);
  on_time(s, at("15:29:59.999999200"), "103", 13);
  on_time(s, at("15:29:59.999999300"), "104", 14);
  s.clock(at("15:30:04"));
  CHECK(briefs(bars_of(s, "2t")) == texts{"09:15:01..09:15:01.000003 o100 h101 l100 c101 v11 n2",
                                          "15:29:59.999999..15:30:00 o102 h103 l102 c103 v2 n2",
                                          "15:30:00..15:30:00.000001 o104 h104 l104 c104 v1 n1"});
}

TEST_CASE(
    "an event bar is final at the first clock mark at which no tick can come before its last") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01"), "100", 10);
  on_time(s, at("09:15:02"), "101", 30);
  s.clock(at("09:15:05"));
  const auto not_yet = s;
  CHECK(bars_of(not_yet, "2t").empty());

  SUBCASE("then it is") {
    s.clock(at("09:15:05.25"));
    const auto plan = make_plan("2t");
    bar_aggregator a(plan, token);
    CHECK(closed_by(a, not_yet).empty());
    CHECK(a.next_close() > at("09:15:05"));
    CHECK(a.next_close() <= at("09:15:05.25"));
    const auto closed = closed_by(plan, s);
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].cause == s.marks.back().position);
    CHECK(brief(closed[0].bar) == "09:15:01..09:15:02.000001 o100 h101 l100 c101 v30 n2");
    CHECK(closed[0].bar.first == s.ticks[0].position());
    CHECK(closed[0].bar.last == s.ticks[1].position());
  }
  SUBCASE("until then a tick of the same instant still takes its place in it") {
    s.tick(at("09:15:02"), "99", 20);
    s.clock(at("09:15:05.25"));
    CHECK(briefs(bars_of(s, "2t")) == texts{"09:15:01..09:15:02.000001 o100 h100 l99 c99 v20 n2"});
  }
  SUBCASE("afterwards it is late") {
    s.clock(at("09:15:05.25"));
    s.tick(at("09:15:02"), "99", 20);
    CHECK(briefs(bars_of(s, "2t")) ==
          texts{"09:15:01..09:15:02.000001 o100 h101 l100 c101 v30 n2",
                "09:15:01..09:15:02.000001 o100 h100 l99 c99 v20 n2 r1 late"});
  }
}

TEST_CASE("a late tick makes every event bar behind it anew: changed, begun, or withdrawn") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01"), "101", 10);
  on_time(s, at("09:15:03"), "103", 20);
  on_time(s, at("09:15:05"), "105", 30);
  on_time(s, at("09:15:07"), "107", 40);
  s.clock(at("09:15:20"));
  const texts in_time{"09:15:01..09:15:03.000001 o101 h103 l101 c103 v20 n2",
                      "09:15:05..09:15:07.000001 o105 h107 l105 c107 v20 n2"};
  CHECK(briefs(bars_of(s, "2t")) == in_time);

  s.tick(at("09:15:02"), "102", 15);
  const auto first_late = s.ticks.back().position();
  const texts after_one{"09:15:01..09:15:02.000001 o101 h102 l101 c102 v15 n2 r1 late",
                        "09:15:03..09:15:05.000001 o103 h105 l103 c105 v15 n2 late",
                        "09:15:05..09:15:07.000001 o0 h0 l0 c0 v0 n0 r1 late"};
  on_time(s, at("09:15:21"), "121", 50);
  s.clock(at("09:15:25"));
  const texts in_time_again{"09:15:07..09:15:21.000001 o107 h121 l107 c121 v20 n2"};
  s.tick(at("09:15:04"), "104", 21);
  const texts after_two{"09:15:03..09:15:04.000001 o103 h104 l103 c104 v6 n2 r1 late",
                        "09:15:05..09:15:07.000001 o105 h107 l105 c107 v19 n2 r2 late",
                        "09:15:07..09:15:21.000001 o0 h0 l0 c0 v0 n0 r1 late"};
  s.clock(at("15:30:03"));
  const texts at_the_close{"09:15:21..15:30:00 o121 h121 l121 c121 v10 n1"};

  texts all = in_time;
  for (const auto& more : {after_one, in_time_again, after_two, at_the_close})
    all.insert(all.end(), more.begin(), more.end());
  const auto plan = make_plan("2t");
  bar_aggregator a(plan, token);
  const auto closed = closed_by(a, s);
  CHECK(briefs(only("2t", *plan, closed)) == all);
  CHECK(a.counts().late == 2);
  CHECK(closed[3].cause == first_late);
  CHECK(closed[4].cause == first_late);
  REQUIRE(closed.size() == 10);
  CHECK(closed[4].bar.token == token);
  CHECK(closed[4].bar.fields == 0);
  CHECK(closed[4].bar.first == position{});
  CHECK(briefs(only("2t", *plan, in_the_end(closed))) ==
        texts{"09:15:01..09:15:02.000001 o101 h102 l101 c102 v15 n2",
              "09:15:03..09:15:04.000001 o103 h104 l103 c104 v6 n2",
              "09:15:05..09:15:07.000001 o105 h107 l105 c107 v19 n2",
              "09:15:21..15:30:00 o121 h121 l121 c121 v10 n1"});
}

TEST_CASE("a late tick that changes no final event bar gives none out") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01"), "101", 10);
  s.clock(at("09:15:20"));
  s.tick(at("09:15:02"), "102", 15);
  SUBCASE("it is not full yet") {
    const auto plan = make_plan("3t");
    bar_aggregator a(plan, token);
    CHECK(closed_by(a, s).empty());
    CHECK(a.counts().late == 0);
  }
  SUBCASE("one that it fills is given out at once") {
    const auto plan = make_plan("2t");
    bar_aggregator a(plan, token);
    const auto closed = closed_by(a, s);
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].cause == s.ticks.back().position());
    CHECK(brief(closed[0].bar) == "09:15:01..09:15:02.000001 o101 h102 l101 c102 v15 n2 late");
  }
}

TEST_CASE("a bar that a late tick makes unfinished is withdrawn, and revised when it ends anew") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01"), "100", 1);
  on_time(s, at("09:15:03"), "100", 10);
  s.clock(at("09:15:20"));
  // Eight of the nine were cheap, so the thousand is not reached.
  s.tick(at("09:15:02"), "1", 9);
  texts expected{"09:15:01..09:15:03.000001 o100 h100 l100 c100 v10 n2",
                 "09:15:01..09:15:03.000001 o0 h0 l0 c0 v0 n0 r1 late"};
  SUBCASE("soon") {
    on_time(s, at("09:15:40"), "100", 20);
    s.clock(at("09:15:44"));
    expected.emplace_back("09:15:01..09:15:40.000001 o100 h100 l1 c100 v20 n4 r2 late");
  }
  SUBCASE("after the revision horizon") {
    on_time(s, at("09:45:00"), "100", 11);
    on_time(s, at("10:15:00"), "100", 20);
    s.clock(at("10:15:04"));
    expected.emplace_back("09:15:01..10:15:00.000001 o100 h100 l1 c100 v20 n5 r2 late");
  }
  SUBCASE("with the session") {
    s.clock(at("15:30:03"));
    expected.emplace_back("09:15:01..15:30:00 o100 h100 l1 c100 v10 n3 r2 late");
  }
  CHECK(briefs(bars_of(s, "1000n")) == expected);
}

TEST_CASE("event bars have volume, vwap, OI and flags as time bars do") {
  auto s = since_before_the_open();
  const auto with_oi = [&](std::int64_t oi) {
    s.ticks.back().fields |= bar_input::open_interest;
    s.ticks.back().oi = oi;
  };
  on_time(s, at("09:14:00"), "99", 5);
  with_oi(70);
  on_time(s, at("09:15:01"), "100", 6);
  with_oi(100);
  on_time(s, at("09:15:02"), "101", 9);
  on_time(s, at("09:15:03"), "102", 9);
  with_oi(130);
  s.gap_begins(at("09:15:03.5"));
  s.gap(at("09:15:03.5"), at("09:15:05"));
  on_time(s, at("09:15:06"), "103", 12);
  on_time(s, at("09:15:07"), "104", 2);
  s.clock(at("09:15:30"));
  const auto bars = bars_of(s, "2t");
  REQUIRE(bars.size() == 2);
  CHECK(brief(bars[0]) == "09:15:01..09:15:02.000001 o100 h101 l100 c101 v4 n2");
  CHECK(to_string(bars[0].vwap) == "100.75");
  CHECK(bars[0].oi == 100);
  CHECK(bars[0].oi_change == 30);
  // The feed was lost inside of it, and what was traded meanwhile counts here.
  CHECK(brief(bars[1]) == "09:15:03..09:15:06.000001 o102 h103 l102 c103 v3 n2 gap");
  CHECK(bars[1].oi_change == 30);
  SUBCASE("a fall") {
    on_time(s, at("09:15:31"), "104", 4);
    s.clock(at("09:15:40"));
    const auto more = bars_of(s, "2t");
    REQUIRE(more.size() == 3);
    CHECK(brief(more[2]) == "09:15:07..09:15:31.000001 o104 h104 l104 c104 v2 n2 reset");
  }
  SUBCASE("an unknown baseline") {
    stream unknown;
    unknown.tick(at("09:20:01"), "100", 1'000);
    unknown.tick(at("09:20:02"), "100", 1'010);
    unknown.tick(at("09:20:03"), "100", 1'020);
    unknown.clock(at("09:20:30"));
    CHECK(briefs(bars_of(unknown, "10v")) ==
          texts{"09:20:01..09:20:02.000001 o100 h100 l100 c100 v10 n2 partial",
                "09:20:03..09:20:03.000001 o100 h100 l100 c100 v10 n1"});
  }
  SUBCASE("a short session") {
    stream evening;
    evening.subscribed(at("17:00:00", 2));
    on_time(evening, at("18:00:00", 2), "100", 10);
    evening.clock(at("19:00:03", 2));
    CHECK(briefs(bars_of(evening, "2t")) ==
          texts{"18:00:00..19:00:00 o100 h100 l100 c100 v10 n1 short_session"});
  }
}

TEST_CASE("sizes fill volume bars; an instrument without volume has them end with the session") {
  stream s;
  for (const auto* time : {"09:15:01", "09:15:02", "09:15:03"}) s.traded(at(time), "100", 60);
  s.clock(at("09:15:30"));
  CHECK(briefs(bars_of(s, "100v")) ==
        texts{"09:15:01..09:15:02.000001 o100 h100 l100 c100 v120 n2"});
  stream index;
  index.tick(at("09:15:01"), "100");
  index.tick(at("09:15:02"), "200");
  index.clock(at("15:30:03"));
  for (const auto* frame : {"1v", "1n"}) {
    const auto bars = bars_of(index, frame);
    REQUIRE(bars.size() == 1);
    CHECK(brief(bars[0]) == "09:15:01..15:30:00 o100 h200 l100 c200 v0 n2");
    CHECK_FALSE(knows(bars[0], bar::volume_known));
  }
}

TEST_CASE("live shows the event bar that is filling, or else the newest that is not final") {
  auto s = since_before_the_open();
  on_time(s, at("09:15:01"), "100", 10);
  on_time(s, at("09:15:02"), "101", 20);
  on_time(s, at("09:15:03"), "102", 30);
  const auto plan = make_plan("1m,2t,3t");
  bar_aggregator a(plan, token);
  CHECK(closed_by(a, s).empty());
  std::vector<closed_bar> live;
  a.live(0b110, live);
  REQUIRE(live.size() == 2);
  CHECK(live[0].timeframe == 1);
  CHECK(brief(live[0].bar) == "09:15:03..15:30:00 o102 h102 l102 c102 v10 n1");
  CHECK(live[0].cause == s.ticks.back().position());
  CHECK(live[1].timeframe == 2);
  CHECK(brief(live[1].bar) == "09:15:01..09:15:03.000001 o100 h102 l100 c102 v30 n3");
  stream later;
  later.restart(at("09:15:07"));
  later.clock(at("09:15:07"));
  std::vector<closed_bar> closed;
  a.consume({}, later.marks, at("09:15:03"), closed);
  CHECK(closed.size() == 2);
  live.clear();
  a.live(0b110, live);
  CHECK(live.size() == 1);
}

TEST_CASE("event bars leave the time bars beside them as they are") {
  auto s = since_before_the_open();
  for (int i = 0; i < 600; ++i)
    on_time(s, at("09:15:00") + i * 700 * millisecond, std::to_string(100 + i % 7), 10 * i + 1);
  s.tick(at("09:16:30"), "500", 7);
  s.clock(at("15:30:03"));
  const auto alone = make_plan("10s,1m,1D");
  const auto beside = make_plan("10s,1m,1D,3t,100v,1000n,2.5r");
  auto both = closed_by(beside, s);
  std::erase_if(both, [](const closed_bar& c) { return c.timeframe > 2; });
  CHECK(difference(both, closed_by(alone, s)).empty());
  CHECK(both.size() > 40);
}

TEST_CASE("late ticks all day long do not make the saved state grow") {
  const auto plan = make_plan("10s,1t");
  bar_aggregator a(plan, token);
  std::vector<closed_bar> out;
  std::vector<std::size_t> sizes;
  stream s;
  for (int i = 0; i < 6 * 3600; i += 5) {
    const auto t = at("09:15:00") + i * second;
    on_time(s, t, "100", 10 * i + 10);
    if (i > 450 && i % 60 == 30) s.tick(t - 7 * minute, "101", 10 * (i - 420) + 11);
    if (i % 3600 != 3595) continue;
    a.consume(s.ticks, s.marks, 0, out);
    s.ticks.clear();
    s.marks.clear();
    std::string bytes;
    a.save(bytes);
    sizes.push_back(bytes.size());
  }
  CHECK(a.counts().late > 300);
  REQUIRE(sizes.size() == 6);
  CHECK(sizes.back() < sizes[1] * 5 / 4);
}

TEST_CASE("a saved state with other event bars is refused") {
  bar_aggregator a(make_plan("1m,100t"), token);
  std::string bytes;
  a.save(bytes);
  for (const auto* other : {"1m,101t", "1m,100v", "1m,100n", "1m", "100t"}) {
    std::string_view in = bytes;
    const auto loaded = bar_aggregator::load(make_plan(other), in);
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().code == errc::conflict);
  }
}

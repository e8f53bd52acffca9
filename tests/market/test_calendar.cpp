#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>

#include "market/calendar.hpp"

using namespace artham;
using namespace artham::market;

namespace {

constexpr duration ist = 5 * hour + 30 * minute;

timestamp at(std::string_view text) {
  return parse_rfc3339(text).value();
}
date on(std::string_view text) {
  return parse_date(text).value();
}

/// Two sessions a day, one holiday, one Sunday session, a short evening.
calendar_spec india() {
  calendar_spec spec;
  spec.name = "test";
  spec.offsets = {{0, ist}};
  spec.regulars = {{on("2026-01-01"), {{9 * hour + 15 * minute, 15 * hour + 30 * minute}}},
                   {on("2026-08-03"), {{9 * hour + 15 * minute, 15 * hour + 40 * minute}}}};
  spec.holidays = {{on("2026-01-26"), "Republic Day"}, {on("2026-11-09"), "Diwali"}};
  spec.specials = {
      {on("2026-02-01"), {{9 * hour + 15 * minute, 15 * hour + 30 * minute}}},
      {on("2026-11-09"), {{18 * hour, 19 * hour}}},
      {on("2026-03-07"), {{9 * hour + 15 * minute, 10 * hour}, {11 * hour, 12 * hour}}}};
  spec.first = on("2026-01-01");
  spec.last = on("2026-12-31");
  return spec;
}

/// Trades from 18:00 until 17:00 of the next calendar day, in New York.
calendar_spec overnight() {
  calendar_spec spec;
  spec.name = "overnight";
  spec.offsets = {{at("2025-11-02T06:00:00Z"), -5 * hour},
                  {at("2026-03-08T07:00:00Z"), -4 * hour},
                  {at("2026-11-01T06:00:00Z"), -5 * hour}};
  spec.weekend = {4, 5};
  spec.regulars = {{on("2026-01-01"), {{18 * hour, 41 * hour}}}};
  spec.first = on("2026-01-01");
  spec.last = on("2026-12-31");
  return spec;
}

calendar made(calendar_spec spec) {
  auto c = calendar::make(std::move(spec));
  REQUIRE_MESSAGE(c.has_value(), (c ? "" : c.error().message));
  return *std::move(c);
}

std::string refusal(const calendar_spec& spec) {
  const auto c = calendar::make(spec);
  REQUIRE_FALSE(c.has_value());
  CHECK(c.error().code == errc::bad_input);
  return c.error().message;
}

std::string text(const std::optional<session>& s, duration offset = ist) {
  if (!s) return "none";
  return to_string(s->trading_date) + " " + to_rfc3339(s->open, offset) + " " +
         to_rfc3339(s->close, offset) + (s->is_short ? " short" : "");
}

}  // namespace

TEST_CASE("a session holds its open and not its close") {
  const auto c = made(india());
  const auto* day = "2026-07-31 2026-07-31T09:15:00+05:30 2026-07-31T15:30:00+05:30";
  CHECK(text(c.session_at(at("2026-07-31T09:15:00+05:30"))) == day);
  CHECK(text(c.session_at(at("2026-07-31T15:29:59.999999999+05:30"))) == day);
  CHECK(text(c.session_at(at("2026-07-31T15:30:00+05:30"))) == "none");
  CHECK(text(c.session_at(at("2026-07-31T09:14:59.999999999+05:30"))) == "none");
  CHECK(text(c.session_at(at("2026-08-03T15:35:00+05:30"))) ==
        "2026-08-03 2026-08-03T09:15:00+05:30 2026-08-03T15:40:00+05:30");
}

TEST_CASE("weekends and holidays are silent; special sessions replace them") {
  const auto c = made(india());
  CHECK_FALSE(c.is_trading_date(on("2026-01-26")));
  CHECK_FALSE(c.is_trading_date(on("2026-01-31")));
  CHECK(c.is_trading_date(on("2026-02-01")));
  CHECK(c.day(on("2026-01-26")).sessions.empty());
  CHECK(text(c.session_at(at("2026-02-01T10:00:00+05:30"))) ==
        "2026-02-01 2026-02-01T09:15:00+05:30 2026-02-01T15:30:00+05:30");
  CHECK(text(c.session_at(at("2026-11-09T18:30:00+05:30"))) ==
        "2026-11-09 2026-11-09T18:00:00+05:30 2026-11-09T19:00:00+05:30 short");
  CHECK(text(c.session_at(at("2026-11-09T10:00:00+05:30"))) == "none");
  const auto saturday = c.day(on("2026-03-07"));
  REQUIRE(saturday.sessions.size() == 2);
  CHECK(saturday.sessions[0].is_short);
  CHECK(saturday.sessions[1].is_short);
}

TEST_CASE("the next session is found across weekends, and the current one while it lasts") {
  const auto c = made(india());
  const auto* monday = "2026-08-03 2026-08-03T09:15:00+05:30 2026-08-03T15:40:00+05:30";
  CHECK(text(c.next_session(at("2026-07-31T15:30:00+05:30"))) == monday);
  CHECK(text(c.next_session(at("2026-08-03T00:00:00+05:30"))) == monday);
  CHECK(text(c.next_session(at("2026-08-03T12:00:00+05:30"))) == monday);
  CHECK(text(c.next_session(at("2026-03-07T10:30:00+05:30"))) ==
        "2026-03-07 2026-03-07T11:00:00+05:30 2026-03-07T12:00:00+05:30 short");
  auto never_open = india();
  never_open.weekend = {0, 1, 2, 3, 4, 5, 6};
  CHECK(text(made(never_open).next_session(at("2026-05-01T00:00:00Z"))) == "none");
}

TEST_CASE("outside of first to last the regular rules go on") {
  const auto c = made(india());
  CHECK(text(c.session_at(at("2031-01-06T15:39:00+05:30"))) ==
        "2031-01-06 2031-01-06T09:15:00+05:30 2031-01-06T15:40:00+05:30");
  CHECK(text(c.session_at(at("2019-01-02T09:15:00+05:30"))) ==
        "2019-01-02 2019-01-02T09:15:00+05:30 2019-01-02T15:30:00+05:30");
}

TEST_CASE("trading days follow local midnight when nothing runs over it") {
  const auto c = made(india());
  const auto d = c.day_of(at("2026-07-31T08:00:00+05:30"));
  CHECK(d.trading_date == on("2026-07-31"));
  CHECK(d.begin == at("2026-07-31T00:00:00+05:30"));
  CHECK(d.end == at("2026-08-01T00:00:00+05:30"));
  CHECK(c.day_of(at("2026-07-30T18:29:59Z")).trading_date == on("2026-07-30"));
  CHECK(c.day_of(at("2026-07-30T18:30:00Z")).trading_date == on("2026-07-31"));
  CHECK(c.local_date(at("2026-07-30T18:30:00Z")) == on("2026-07-31"));
  CHECK(c.utc_offset(0) == ist);
}

TEST_CASE("a session that crosses midnight keeps its trading date") {
  const auto c = made(overnight());
  const auto t = at("2026-01-06T10:00:00-05:00");
  CHECK(c.local_date(t) == on("2026-01-06"));
  CHECK(text(c.session_at(t), -5 * hour) ==
        "2026-01-05 2026-01-05T18:00:00-05:00 2026-01-06T17:00:00-05:00");
  const auto d = c.day_of(t);
  CHECK(d.trading_date == on("2026-01-05"));
  CHECK(d.begin == at("2026-01-05T17:00:00-05:00"));
  CHECK(d.end == at("2026-01-06T17:00:00-05:00"));
  CHECK(c.day_of(at("2026-01-06T17:00:00-05:00")).trading_date == on("2026-01-06"));
  // Friday and Saturday are free: Thursday's session ends on Friday, Sunday begins at midnight.
  CHECK(c.day_of(at("2026-01-09T16:59:59-05:00")).trading_date == on("2026-01-08"));
  CHECK(c.day_of(at("2026-01-09T17:00:00-05:00")).trading_date == on("2026-01-09"));
  CHECK(c.day(on("2026-01-11")).begin == at("2026-01-11T00:00:00-05:00"));
  CHECK(text(c.next_session(at("2026-01-09T16:59:59-05:00")), -5 * hour) ==
        "2026-01-08 2026-01-08T18:00:00-05:00 2026-01-09T17:00:00-05:00");
}

TEST_CASE("daylight saving moves sessions in UTC, not on the wall") {
  const auto c = made(overnight());
  // The night in which the clock jumps: 18:00 to 17:00 lasts 23 h, on 8 March 22 h.
  const auto jump = c.day(on("2026-03-07"));
  CHECK(jump.sessions.empty());
  const auto sunday = c.day(on("2026-03-08")).sessions.at(0);
  CHECK(sunday.open == at("2026-03-08T22:00:00Z"));
  const auto before = c.day(on("2026-03-05")).sessions.at(0);
  CHECK(before.open == at("2026-03-05T23:00:00Z"));
  CHECK(c.day(on("2026-03-08")).end - c.day(on("2026-03-08")).begin == 40 * hour);
  CHECK(c.utc_offset(at("2026-03-08T06:59:59Z")) == -5 * hour);
  CHECK(c.utc_offset(at("2026-03-08T07:00:00Z")) == -4 * hour);
  CHECK(c.utc_offset(at("2020-01-01T00:00:00Z")) == -5 * hour);
}

TEST_CASE("days tile time: each instant lies in its own day, days touch") {
  for (const auto& spec : {india(), overnight()}) {
    const auto c = made(spec);
    CHECK(rc::check("for any instant of some years", [&] {
      const auto t = at("2025-06-01T00:00:00Z") +
                     *rc::gen::inRange<std::int64_t>(0, 800 * day / second) * second;
      const auto d = c.day_of(t);
      RC_ASSERT(d.begin <= t);
      RC_ASSERT(t < d.end);
      RC_ASSERT(c.day_of(d.begin).trading_date == d.trading_date);
      RC_ASSERT(c.day_of(d.end).trading_date == date{d.trading_date.days + 1});
      RC_ASSERT(c.day(date{d.trading_date.days + 1}).begin == d.end);
      std::optional<session> inside;
      for (const auto& s : d.sessions) {
        RC_ASSERT(d.begin <= s.open);
        RC_ASSERT(s.close <= d.end);
        if (s.open <= t && t < s.close) inside = s;
      }
      RC_ASSERT(c.session_at(t) == inside);
      if (const auto next = c.next_session(t)) RC_ASSERT(t < next->close);
    }));
  }
}

TEST_CASE("extreme times are answered, not overflowed") {
  const auto c = made(india());
  for (const auto t : {never, INT64_MIN}) {
    CHECK(c.day_of(t).begin < c.day_of(t).end);
    CHECK(c.utc_offset(t) == ist);
  }
  CHECK(c.next_session(INT64_MIN).has_value());
  CHECK_FALSE(c.session_at(never).has_value());
  CHECK(c.day(date{INT32_MAX}).begin > 0);
  CHECK(c.day(date{INT32_MIN}).begin < 0);
}

TEST_CASE("a calendar that makes no sense is refused, naming the date") {
  const auto with = [](auto change) {
    auto spec = india();
    change(spec);
    return refusal(spec);
  };
  CHECK(with([](auto& s) {
          s.specials[on("2026-02-01")] = {{10 * hour, 10 * hour}};
        }) == "calendar test: sessions of 2026-02-01 contain one that closes before it opens");
  CHECK(with([](auto& s) {
          s.specials[on("2026-02-01")] = {{9 * hour, 12 * hour}, {11 * hour, 15 * hour}};
        }).find("2026-02-01 overlap") != std::string::npos);
  CHECK(with([](auto& s) { s.specials[on("2026-02-01")] = {}; }).find("is a holiday") !=
        std::string::npos);
  CHECK(with([](auto& s) {
          s.specials[on("2026-02-01")] = {{9 * hour, 49 * hour}};
        }).find("before 48:00") != std::string::npos);
  CHECK(with([](auto& s) {
          s.specials[on("2026-02-01")] = {{-hour, hour}};
        }).find("before midnight") != std::string::npos);
  CHECK(with([](auto& s) {
          s.specials[on("2026-02-01")] = {{18 * hour, 34 * hour}};
        }) == "calendar test: sessions of 2026-02-01 run into those of the day after");
  CHECK(with([](auto& s) {
          s.regulars[1].sessions = {{18 * hour, 43 * hour}};
        }) == "calendar test: regular hours from 2026-08-03 run into the next day's");
  CHECK(with([](auto& s) { s.regulars[1].from = on("2026-01-01"); }) ==
        "calendar test: regular hours from 2026-01-01 are out of order");
  CHECK(with([](auto& s) { s.regulars.clear(); }) == "calendar test: no regular hours given");
  CHECK(with([](auto& s) { s.offsets.clear(); }) == "calendar test: no UTC offset given");
  CHECK(with([](auto& s) {
          s.offsets.push_back({0, 0});
        }).find("out of order") != std::string::npos);
  CHECK(with([](auto& s) { s.offsets[0].utc = 30 * hour; }).find("more than 26 h") !=
        std::string::npos);
  CHECK(with([](auto& s) { s.weekend = {7}; }).find("weekend") != std::string::npos);
  CHECK(with([](auto& s) { s.last = on("2025-01-01"); }).find("2025-01-01 is before its first") !=
        std::string::npos);
  CHECK(with([](auto& s) { s.holidays[make_date(2500, 1, 1)] = "far"; }).find("1680 to 2260") !=
        std::string::npos);
}

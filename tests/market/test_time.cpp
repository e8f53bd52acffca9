#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <limits>
#include <string>

#include "market/time.hpp"

using namespace artham;
using namespace artham::market;

namespace {

timestamp at(std::string_view text) {
  const auto t = parse_rfc3339(text);
  REQUIRE_MESSAGE(t.has_value(), (t ? "" : t.error().message));
  return *t;
}

constexpr duration ist = 5 * hour + 30 * minute;

}  // namespace

TEST_CASE("dates") {
  CHECK(make_date(1970, 1, 1).days == 0);
  CHECK(make_date(2000, 2, 29).days == 11'016);
  CHECK(make_date(2026, 8, 3).days == 20'668);
  CHECK(make_date(1900, 3, 1).days == -25'508);
  CHECK(make_date(0, 1, 1).days == -719'528);
  CHECK(to_string(make_date(2026, 8, 3)) == "2026-08-03");
  CHECK(to_string(make_date(1969, 12, 31)) == "1969-12-31");
  CHECK(weekday(make_date(2026, 8, 3)) == 0);
  CHECK(weekday(make_date(2026, 2, 1)) == 6);
  CHECK(weekday(make_date(1969, 12, 31)) == 2);
  CHECK(parse_date("2024-02-29") == result<date>(make_date(2024, 2, 29)));
  for (const auto* text :
       {"", "2023-02-29", "1900-02-29", "2024-04-31", "2024-01-32", "2024-13-01", "2024-1-01",
        "2024-01-01x", "24-01-01", "2024/01/01", "2024-00-10", "+024-01-01"}) {
    const auto d = parse_date(text);
    REQUIRE_FALSE(d.has_value());
    CHECK(d.error().message == "'" + std::string(text) + "' is not a date: expected yyyy-mm-dd");
  }
  CHECK(rc::check("a date survives its text and its parts", [] {
    const date d{*rc::gen::inRange(-100'000, 100'000)};
    RC_ASSERT(parse_date(to_string(d)).value() == d);
    const auto c = civil(d);
    RC_ASSERT(make_date(c.year, c.month, c.day) == d);
    RC_ASSERT(weekday(date{d.days + 1}) == (weekday(d) + 1) % 7);
  }));
}

TEST_CASE("every form of RFC 3339 names the same instant") {
  constexpr timestamp expected = 1'767'001'637 * second;
  for (const auto* text :
       {"2025-12-29T09:47:17Z", "2025-12-29t09:47:17z", "2025-12-29 09:47:17Z",
        "2025-12-29T15:17:17+05:30", "2025-12-29T15:17:17+0530", "2025-12-29 15:17:17+0530",
        "2025-12-29 15:17:17.000+05:30", "2025-12-29T04:47:17-05:00", "2025-12-29T04:47:17-0500"}) {
    CHECK(at(text) == expected);
  }
  CHECK(at("1970-01-01T00:00:00.000000001Z") == 1);
  CHECK(at("1970-01-01T00:00:00.5Z") == 500 * millisecond);
  CHECK(at("1969-12-31T23:59:59.999999999Z") == -1);
}

TEST_CASE("a time that is no RFC 3339 is refused with a way out") {
  const auto refusal = [](std::string_view text) {
    const auto t = parse_rfc3339(text);
    REQUIRE_MESSAGE(!t.has_value(), text);
    CHECK(t.error().message.starts_with("'" + std::string(text) + "'"));
    return t.error().message;
  };
  CHECK(refusal("2025-12-29T09:47:17").find("end it with Z") != std::string::npos);
  CHECK(refusal("2025-12-29").find("2026-08-03T09:15:00+05:30") != std::string::npos);
  CHECK(refusal("2025-12-29T09:47:17.Z").find("nine decimals") != std::string::npos);
  CHECK(refusal("2025-12-29T09:47:17.0000000001Z").find("nine decimals") != std::string::npos);
  CHECK(refusal("2025-12-29T09:47:17Z ").find("follows the offset") != std::string::npos);
  CHECK(refusal("1600-01-01T00:00:00Z").find("1678") != std::string::npos);
  CHECK(refusal("9999-12-31T23:59:59Z").find("2261") != std::string::npos);
  for (const auto* text : {"2025-12-29T24:00:00Z", "2025-12-29T09:60:00Z", "2025-12-29T09:00:60Z",
                           "2025-02-30T09:00:00Z", "2025-12-29T09:00:00+05:3",
                           "2025-12-29T09:00:00+0:30", "2025-12-29T9:00:00Z", "", "T"}) {
    refusal(text);
  }
}

TEST_CASE("times are printed in the zone asked for") {
  const auto t = at("2026-08-03T15:40:00+05:30");
  CHECK(to_rfc3339(t, 0) == "2026-08-03T10:10:00Z");
  CHECK(to_rfc3339(t, ist) == "2026-08-03T15:40:00+05:30");
  CHECK(to_rfc3339(t, -5 * hour) == "2026-08-03T05:10:00-05:00");
  CHECK(to_rfc3339(t + 250 * millisecond, ist) == "2026-08-03T15:40:00.25+05:30");
  CHECK(to_rfc3339(-1, 0) == "1969-12-31T23:59:59.999999999Z");
  CHECK(rc::check("print and read back", [](timestamp any) {
    const duration offset = *rc::gen::element<duration>(0, ist, -5 * hour, 14 * hour);
    RC_ASSERT(parse_rfc3339(to_rfc3339(any, offset)).value() == any);
  }));
  for (const auto extreme :
       {std::numeric_limits<timestamp>::max(), std::numeric_limits<timestamp>::min()}) {
    CHECK(at(to_rfc3339(extreme, ist)) == extreme);
  }
}

TEST_CASE("durations") {
  const auto length = [](std::string_view text) { return parse_duration(text).value(); };
  CHECK(length("250ms") == 250 * millisecond);
  CHECK(length("3s") == 3 * second);
  CHECK(length("15m") == 15 * minute);
  CHECK(length("2h") == 2 * hour);
  CHECK(length("1d") == day);
  CHECK(length("7us") == 7 * microsecond);
  CHECK(length("9ns") == 9);
  CHECK(length("0s") == 0);
  for (const auto* text : {"", "5", "ms", "-3s", "1.5s", "3 s", "3S", "3sec",
                           "99999999999999999999s", "9223372036854775807d"}) {
    const auto d = parse_duration(text);
    REQUIRE_MESSAGE(!d.has_value(), text);
    CHECK(d.error().message.starts_with("'" + std::string(text) + "' is not a duration: "));
  }
  CHECK(duration_text(250 * millisecond) == "250ms");
  CHECK(duration_text(90 * second) == "90s");
  CHECK(duration_text(0) == "0s");
  CHECK(duration_text(24 * hour) == "1d");
  CHECK(rc::check("text and back", [] {
    const auto d = *rc::gen::nonNegative<duration>();
    RC_ASSERT(parse_duration(duration_text(d)).value() == d);
  }));
}

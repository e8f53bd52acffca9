#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bar_support.hpp"
#include "market/bar_merge.hpp"

using namespace bar_test;

namespace {

bar day_bar(int days_later, std::string_view open, std::string_view high, std::string_view low,
            std::string_view close, std::int64_t volume) {
  bar b;
  b.token = token;
  b.start = at("09:15:00", days_later);
  b.end = at("15:30:00", days_later);
  b.open = parse_price(open).value();
  b.high = parse_price(high).value();
  b.low = parse_price(low).value();
  b.close = parse_price(close).value();
  b.volume = volume;
  b.vwap = b.close;
  b.fields = bar::volume_known | bar::vwap_known;
  b.ticks = 10;
  return b;
}

bar_bounds bounds(const char* period, date d) {
  return period_bounds(parse_timeframe(period).value(), *nse(), d);
}

}  // namespace

TEST_CASE("a week runs from its first session to its last one") {
  // 2025-12-29 is a Monday; Wednesday 2025-12-31 has an evening session only.
  const std::vector<bar> days{
      day_bar(0, "100", "110", "90", "105", 10), day_bar(1, "105", "107", "80", "81", 30),
      day_bar(3, "81", "200", "81", "150", 0), day_bar(7, "150", "151", "149", "150", 5)};
  auto with_gap = days;
  with_gap[1].flags = static_cast<std::uint16_t>(bar_flag::gap);
  with_gap[1].revision = 2;
  const auto weeks = merge_bars(with_gap, parse_timeframe("1W").value(), nse());
  REQUIRE(weeks);
  REQUIRE(weeks->size() == 2);
  const auto& w = weeks->front();
  CHECK(w.start == at("09:15:00"));
  CHECK(w.end == at("15:30:00", 4));
  CHECK(w.open == parse_price("100").value());
  CHECK(w.high == parse_price("200").value());
  CHECK(w.low == parse_price("80").value());
  CHECK(w.close == parse_price("150").value());
  CHECK(w.volume == 40);
  CHECK(w.vwap == parse_price("87").value());  // (10 x 105 + 30 x 81) / 40
  CHECK(w.ticks == 30);
  CHECK(has(w, bar_flag::gap));
  CHECK(w.revision == 2);
  CHECK(weeks->back().start == at("09:15:00", 7));
}

TEST_CASE("open interest goes back to before the first bar that has any") {
  auto none = day_bar(0, "1", "1", "1", "1", 1);
  auto first = day_bar(1, "1", "1", "1", "1", 1);
  first.fields |= bar::oi_known | bar::oi_change_known;
  first.oi = 500;
  first.oi_change = 20;
  auto second = first;
  second.start = at("09:15:00", 3);
  second.end = at("15:30:00", 3);
  second.oi = 700;
  second.oi_change = 150;
  const auto week =
      merge_bars(std::vector<bar>{none, first, second}, parse_timeframe("1W").value(), nse());
  REQUIRE(week);
  CHECK(week->front().oi == 700);
  CHECK(week->front().oi_change == 220);
}

TEST_CASE("periods follow the calendar over the turn of the year") {
  CHECK(bounds("1W", make_date(2025, 12, 31)).start == at("09:15:00"));
  CHECK(bounds("1W", make_date(2026, 1, 2)).start == at("09:15:00"));
  CHECK(bounds("1M", make_date(2025, 12, 31)).end == at("19:00:00", 2));
  CHECK(bounds("1M", make_date(2026, 1, 1)).start == at("09:15:00", 3));
  CHECK(bounds("3M", make_date(2025, 11, 5)).end == at("19:00:00", 2));
  CHECK(bounds("6M", make_date(2025, 7, 1)).end == at("19:00:00", 2));
  CHECK(bounds("1Y", make_date(2026, 12, 31)).start == at("09:15:00", 3));
  // 2026-01-03 is a Saturday: it belongs to the week although nothing happens on it.
  CHECK(bounds("1W", make_date(2026, 1, 3)).end == at("15:30:00", 4));
}

TEST_CASE("bars that cannot be merged are refused by name") {
  const auto refusal = [](std::vector<bar> bars, const char* tf) {
    const auto merged = merge_bars(bars, parse_timeframe(tf).value(), nse());
    return merged ? std::string() : merged.error().message;
  };
  const auto monday = day_bar(0, "1", "1", "1", "1", 1);
  CHECK(refusal({monday, monday}, "1W").find("begins before the end of the one before it") !=
        std::string::npos);
  CHECK(refusal({monday}, "5m").find("beyond the end of its 5m bar") != std::string::npos);
  auto night = monday;
  night.start = at("20:00:00");
  night.end = at("20:01:00");
  CHECK(refusal({night}, "5m").find("outside of the sessions of NSE") != std::string::npos);
  CHECK(refusal({night}, "1D").find("2025-12-29T14:30:00Z") != std::string::npos);
}

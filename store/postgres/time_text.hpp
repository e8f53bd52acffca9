#pragma once

#include <string>
#include <string_view>

#include "market/time.hpp"

/// Times and arrays as PostgreSQL writes them and reads them.
namespace artham::store::postgres {

/// Microseconds of a time, rounded down, and the nanoseconds below.
struct micro_time {
  std::string text;  ///< for a timestamptz; market::never is `infinity`
  int below = 0;     ///< 0 to 999
};
[[nodiscard]] inline micro_time micro_of(market::timestamp t) {
  if (t == market::never) return {"infinity", 0};
  auto below = t % market::microsecond;
  if (below < 0) below += market::microsecond;
  // What no int64 of microseconds' nanoseconds holds lies before any row.
  if (t < INT64_MIN + market::microsecond) return {"-infinity", 0};
  return {market::to_rfc3339(t - below, 0), static_cast<int>(below)};
}

/// Of a timestamptz as ISO text in UTC: `2026-01-05 03:45:00.25+00`, `infinity`.
[[nodiscard]] inline market::timestamp time_of(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() == 'i') return market::never;
  if (text.front() == '-') return INT64_MIN;
  const auto digits = [&](std::size_t at, std::size_t count) {
    int value = 0;
    for (; count != 0 && at < text.size(); --count, ++at) value = value * 10 + (text[at] - '0');
    return value;
  };
  const auto day = market::make_date(digits(0, 4), static_cast<unsigned>(digits(5, 2)),
                                     static_cast<unsigned>(digits(8, 2)));
  market::timestamp t = day.days * market::day + digits(11, 2) * market::hour +
                        digits(14, 2) * market::minute + digits(17, 2) * market::second;
  if (text.size() > 19 && text[19] == '.') {
    auto unit = market::second / 10;
    for (std::size_t at = 20; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      t += (text[at] - '0') * unit;
      unit /= 10;
    }
  }
  return t;
}

}  // namespace artham::store::postgres

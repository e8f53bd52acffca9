#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "market/error.hpp"

namespace artham::market {

/// Nanoseconds since 1970-01-01 UTC; 0 stands for "none" where a field may be absent.
using timestamp = std::int64_t;
/// A length of time in nanoseconds.
using duration = std::int64_t;

inline constexpr duration microsecond = 1'000;
inline constexpr duration millisecond = 1'000'000;
inline constexpr duration second = 1'000'000'000;
inline constexpr duration minute = 60 * second;
inline constexpr duration hour = 60 * minute;
inline constexpr duration day = 24 * hour;
/// Indian Standard Time, all the year.
inline constexpr duration india_offset = 5 * hour + 30 * minute;
inline constexpr timestamp never = INT64_MAX;

/// A civil date as days since 1970-01-01.
struct date {
  std::int32_t days = 0;
  friend auto operator<=>(const date&, const date&) = default;
};

struct year_month_day {
  int year;
  unsigned month;  ///< 1 to 12
  unsigned day;    ///< 1 to 31
};

[[nodiscard]] date make_date(int year, unsigned month, unsigned day_of_month);
[[nodiscard]] year_month_day civil(date d);
/// 0 is Monday, 6 is Sunday.
[[nodiscard]] int weekday(date d);

/// `yyyy-mm-dd`.
[[nodiscard]] result<date> parse_date(std::string_view text);
[[nodiscard]] std::string to_string(date d);

/// RFC 3339 with `T` or a space, a fraction of up to nine digits and `Z` or an offset with or
/// without colon.
[[nodiscard]] result<timestamp> parse_rfc3339(std::string_view text);
/// RFC 3339 at `offset` from UTC; the fraction has no trailing zeros and is absent when zero.
[[nodiscard]] std::string to_rfc3339(timestamp t, duration offset);

/// `250ms`, `3s`, `15m`, `2h`, `1d`: an integer and a unit (ns us ms s m h d).
[[nodiscard]] result<duration> parse_duration(std::string_view text);
[[nodiscard]] std::string duration_text(duration d);

}  // namespace artham::market

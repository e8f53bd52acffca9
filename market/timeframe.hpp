#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "market/time.hpp"

namespace artham::market {

/// The width of a bar. `Ns Nm Nh` are intraday, `1D` is one trading day; `Nt Nv Nn Nr` are event
/// bars, which end when their ticks have reached a count, a traded volume, a traded value or a
/// span of prices. All these are built from ticks. `1W 1M 3M 6M 1Y` are calendar periods, made of
/// 1D bars (bar_merge).
struct timeframe {
  enum class unit : std::uint8_t {
    intraday,
    trading_day,
    week,
    months,
    ticks,
    volume,
    value,
    range,
  };
  unit kind = unit::intraday;
  /// intraday: nanoseconds; months: 1, 3, 6 or 12; ticks, volume (units of quantity), value (whole
  /// units of the currency), range (units of price): what ends the bar; else 1
  std::int64_t length = 0;
  friend auto operator<=>(const timeframe&, const timeframe&) = default;
};
inline constexpr timeframe one_trading_day{timeframe::unit::trading_day, 1};

[[nodiscard]] constexpr bool is_period(timeframe tf) {
  return tf.kind == timeframe::unit::week || tf.kind == timeframe::unit::months;
}
/// Sort behind all other timeframes that are built from ticks.
[[nodiscard]] constexpr bool is_event(timeframe tf) {
  return tf.kind >= timeframe::unit::ticks;
}

/// `60m` and `1h` are one timeframe; the canonical text uses the largest unit that divides it,
/// but minutes up to 59, and for lengths that are no whole hours (`75m`, `125m`).
/// The error names the text and lists the accepted forms; several days and other periods answer
/// errc::unsupported.
[[nodiscard]] result<timeframe> parse_timeframe(std::string_view text);
[[nodiscard]] std::string to_string(timeframe tf);
/// Comma or space separated; refuses duplicates (also `60m,1h`) and an empty list. Sorted by kind
/// and length. For bars that are built from ticks: refuses periods, unless told otherwise.
[[nodiscard]] result<std::vector<timeframe>> parse_timeframes(std::string_view text,
                                                              bool with_periods = false);

}  // namespace artham::market

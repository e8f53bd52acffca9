#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/calendar.hpp"
#include "market/timeframe.hpp"

/// TradingView's Universal Data Feed: what its charts ask of a server.
namespace artham::web::udf {

/// `1` (minutes), `30S`, `D` or `1D`, `W`, `M`, `12M`. The error names the text.
[[nodiscard]] result<market::timeframe> parse_resolution(std::string_view text);

/// What charts may ask for, by its unit: numbers of seconds, of minutes and of months.
struct resolutions {
  std::vector<std::string> all;
  std::vector<std::string> seconds, minutes;
  std::vector<std::string> months;  ///< empty when there are no days, which they are made of
  bool days = false;
};
/// Event bars have none.
[[nodiscard]] resolutions resolutions_of(std::span<const market::timeframe> stored);
[[nodiscard]] bool is_served(market::timeframe tf, std::span<const market::timeframe> stored);

/// Seconds since 1970 by which charts know a bar: its start; of days and longer, midnight UTC of
/// the trading date.
[[nodiscard]] std::int64_t chart_time(market::timeframe tf, market::timestamp start,
                                      const market::calendar& cal);
[[nodiscard]] constexpr bool is_daily(market::timeframe tf) {
  return tf == market::one_trading_day || market::is_period(tf);
}

}  // namespace artham::web::udf

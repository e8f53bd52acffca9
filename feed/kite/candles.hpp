#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "market/price.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"

namespace artham::feed::kite {

/// One official candle of Kite's historical data.
struct candle {
  market::timestamp start = 0;  ///< the bar's start; of a day, midnight in India
  market::price open, high, low, close;
  std::int64_t volume = 0;
  std::optional<std::int64_t> oi;
  friend bool operator==(const candle&, const candle&) = default;
};

/// Kite's name: `minute`, `15minute`, `day`. errc::unsupported lists the timeframes that there are.
[[nodiscard]] result<std::string_view> interval_of(market::timeframe tf);
/// Kite's name, or ours (`15m`).
[[nodiscard]] result<market::timeframe> parse_interval(std::string_view text);
/// The longest stretch that one request may ask for.
[[nodiscard]] market::duration longest_request(market::timeframe tf);

/// Reads the JSON of Kite's historical data, prices exactly as they are written. Candles are in
/// order of start. The error names the candle and what is wrong with it, or Kite's own error.
[[nodiscard]] result<std::vector<candle>> parse_candles(std::string_view json);

}  // namespace artham::feed::kite

#pragma once

#include <cstdint>
#include <string>

#include "market/position.hpp"
#include "market/price.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"

namespace artham::market {

/// Why a bar deserves a second look; printed joined by `|` in this order.
enum class bar_flag : std::uint16_t {
  partial = 1,         ///< the day's volume baseline was unknown
  gap = 2,             ///< the feed was lost inside it, or before it with volume that counts here
  late = 4,            ///< a tick came after the bar was final
  reset = 8,           ///< the cumulative volume fell
  short_session = 16,  ///< the session is shorter than a regular day's
  backfilled = 32,     ///< made or mended from the exchange's own candles
};

struct bar {
  enum field : std::uint8_t { volume_known = 1, oi_known = 2, oi_change_known = 4, vwap_known = 8 };

  timestamp start = 0;  ///< inclusive, exchange time
  timestamp end = 0;    ///< exclusive; the session's close for the last bar of a session
  price open, high, low, close;
  std::int64_t volume = 0;
  std::int64_t oi = 0;         ///< the last seen inside the bar
  std::int64_t oi_change = 0;  ///< against the last OI before the bar in the same trading day
  price vwap;
  std::uint32_t token = 0;
  std::uint32_t ticks = 0;  ///< 0 withdraws the event bar that started here
  std::uint32_t revision = 0;
  std::uint16_t flags = 0;  ///< of bar_flag
  std::uint8_t fields = 0;  ///< of field
  position first, last;     ///< of the ticks in it, in tick order
  friend bool operator==(const bar&, const bar&) = default;
};

[[nodiscard]] std::string flags_text(std::uint16_t flags);

}  // namespace artham::market

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "market/timeframe.hpp"

namespace artham::protocol {

/// What a client subscribes to: `tick:NSE:INFY`, `bar:NSE:NIFTY 50:5m`.
struct key {
  enum class what : std::uint8_t { tick, bar };
  what kind = what::tick;
  std::string instrument;       ///< `NSE:INFY`
  market::timeframe timeframe;  ///< of a bar
};

/// The error names the key and the forms that exist.
[[nodiscard]] result<key> parse_key(std::string_view text);

}  // namespace artham::protocol

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"

namespace artham::protocol {

/// What a client subscribes to: `tick:NSE:INFY`, `bar:NSE:NIFTY 50:5m`, `greeks:NFO:…`,
/// `chain:NIFTY:2026-11-26`.
struct key {
  enum class what : std::uint8_t { tick, bar, greeks, chain };
  what kind = what::tick;
  std::string instrument;       ///< `NSE:INFY`; of a chain the underlying: `NIFTY`
  market::timeframe timeframe;  ///< of a bar
  market::date expiry;          ///< of a chain
};

/// The error names the key and the forms that exist.
[[nodiscard]] result<key> parse_key(std::string_view text);

}  // namespace artham::protocol

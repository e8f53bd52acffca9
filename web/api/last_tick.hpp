#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "market/error.hpp"
#include "market/tick.hpp"

namespace artham::web {

/// The newest packet of an instrument.
struct last_tick {
  market::tick tick;
  market::timestamp receive = 0;  ///< market time
};
/// None: no packet of the instrument is known. errc::unavailable while it is not known which one is
/// the newest. Thread-safe; must not block.
using last_tick_source = std::function<result<std::optional<last_tick>>(std::uint32_t token)>;

/// What quotes are made of.
struct quote_sources {
  last_tick_source last_tick;
  /// The token of a key like `NSE:INFY`; none: no such instrument. Must not block.
  std::function<std::optional<std::uint32_t>(std::string_view key)> token_of;
};

}  // namespace artham::web

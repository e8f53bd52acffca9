#pragma once

#include <cstdint>

#include "market/position.hpp"
#include "market/price.hpp"
#include "market/tick.hpp"
#include "market/time.hpp"

namespace artham::market {

/// What features need of a tick.
struct quote {
  enum field : std::uint8_t {
    volume_known = 1,
    oi_known = 2,
    depth_known = 4,  ///< bid, ask and their quantities mean something
    ahead = 8,        ///< more than 5 s ahead of market time: used by nothing derived
  };
  timestamp time = 0;     ///< exchange time; receive time where the packet has none
  std::uint64_t seq = 0;  ///< position within the epoch
  price last;
  price bid, ask;              ///< best levels; 0: that side of the book is empty
  std::int64_t volume = 0;     ///< cumulative for the day
  std::int64_t oi = 0;         ///< open interest
  std::int64_t bid_depth = 0;  ///< quantity of all levels that the packet shows
  std::int64_t ask_depth = 0;
  std::uint32_t bid_quantity = 0;  ///< at the best level
  std::uint32_t ask_quantity = 0;
  std::uint32_t token = 0;
  std::uint32_t epoch = 0;
  std::uint8_t fields = 0;
  tick_mode mode = tick_mode::ltp;
  std::uint32_t slot = 0;  ///< free for whoever routes it

  [[nodiscard]] market::position position() const { return {epoch, seq}; }
};

}  // namespace artham::market

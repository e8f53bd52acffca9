#pragma once

#include <array>
#include <cstdint>

#include "market/position.hpp"
#include "market/price.hpp"
#include "market/time.hpp"

namespace artham::market {

/// How much of an instrument a packet carries (Kite's five packet kinds).
enum class tick_mode : std::uint8_t { ltp, index_quote, index_full, quote, full };

/// One level of the order book; price 0 means that there is no such level. Sixteen bytes, as a
/// full tick carries ten of them and decoding one is a hot path.
struct depth_level {
  price px;
  std::uint32_t quantity = 0;
  std::uint32_t orders = 0;
  friend bool operator==(const depth_level&, const depth_level&) = default;
};

/// One snapshot of an instrument as the exchange sent it. A field is meaningful only where its mode
/// has it: `ltp` has the last price alone; index modes have prices but no quantity, OI or depth;
/// OI, times and depth exist in `full` (an index has its exchange time in `index_full`).
/// The fields stand in the order of Kite's full packet.
struct tick {
  std::uint32_t token = 0;
  tick_mode mode = tick_mode::ltp;
  price last;
  std::int64_t last_quantity = 0;
  price average;                  ///< the day's volume-weighted average
  std::int64_t volume = 0;        ///< cumulative for the day
  std::int64_t buy_quantity = 0;  ///< total pending
  std::int64_t sell_quantity = 0;
  price open, high, low, close;  ///< of the day; close is the previous day's
  timestamp last_trade_time = 0;
  std::int64_t oi = 0;
  std::int64_t oi_day_high = 0;
  std::int64_t oi_day_low = 0;
  timestamp exchange_time = 0;  ///< 0 when the packet has none
  std::array<depth_level, 5> bids{};
  std::array<depth_level, 5> offers{};
  friend bool operator==(const tick&, const tick&) = default;
};

[[nodiscard]] constexpr bool has_volume(tick_mode m) {
  return m >= tick_mode::quote;
}
[[nodiscard]] constexpr bool has_day_ohlc(tick_mode m) {
  return m != tick_mode::ltp;
}
[[nodiscard]] constexpr bool has_full(tick_mode m) {
  return m == tick_mode::full;
}

/// What bars need of a tick: 64 bytes, so that a block of them stays small.
struct bar_input {
  enum field : std::uint8_t {
    volume = 1,         ///< `volume` is the day's cumulative volume
    size = 2,           ///< `volume` is this record's own size (`--volume sizes`)
    open_interest = 4,  ///< `oi` is present
    ahead = 8,          ///< more than 5 s ahead of market time: counted, used by nothing derived
  };
  timestamp time = 0;     ///< exchange time; receive time where the packet has none
  std::uint64_t seq = 0;  ///< position within the epoch
  price last;
  std::int64_t volume_or_size = 0;
  std::int64_t oi = 0;
  std::uint64_t digest = 0;  ///< of the packet's bytes: equal means byte-identical
  std::uint32_t token = 0;
  std::uint32_t epoch = 0;
  std::uint8_t fields = 0;
  tick_mode mode = tick_mode::ltp;
  std::uint16_t reserved = 0;
  std::uint32_t slot = 0;  ///< free for whoever routes it

  [[nodiscard]] market::position position() const { return {epoch, seq}; }
};
static_assert(sizeof(bar_input) == 64);

}  // namespace artham::market

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

/// Whether `newer` comes behind `older` in the order of an instrument's ticks: exchange time,
/// cumulative volume where both know it, position.
[[nodiscard]] inline bool follows(const quote& newer, const quote& older) {
  if (newer.time != older.time) return newer.time > older.time;
  const bool both = (newer.fields & older.fields & quote::volume_known) != 0;
  if (both && newer.volume != older.volume) return newer.volume > older.volume;
  return newer.position() > older.position();
}

/// What the best levels say.
enum class book_state : std::uint8_t {
  one_sided,  ///< or not known
  crossed,    ///< bid above ask
  quoted,
};
[[nodiscard]] inline book_state book_of(const quote& q) {
  const bool both = (q.fields & quote::depth_known) != 0 && q.bid.units > 0 && q.ask.units > 0;
  if (!both) return book_state::one_sided;
  return q.bid > q.ask ? book_state::crossed : book_state::quoted;
}
/// Of a quoted book, half-even to 1e-9.
[[nodiscard]] inline price mid_of(const quote& q) {
  return {divide_half_even(int128{q.bid.units} + q.ask.units, 2)};
}

}  // namespace artham::market

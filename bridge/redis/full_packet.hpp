#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bridge/redis/lanes.hpp"

namespace artham::bridge::redis {

/// Full packets of Kite's protocol (184 bytes), eight at a time, and what they leave to say once
/// the packets before them are known. Everything is unsigned and wraps, so that any bytes come
/// back.
struct full_packet {
  static constexpr std::size_t size = 184;
  static constexpr std::size_t words = size / 4;
  static constexpr std::size_t head = 15;
  static constexpr std::size_t levels = 10;  ///< five bids, five offers
  static constexpr std::size_t columns = head + 3 * levels;

  /// Columns; the first 15 are words of a packet too, behind its token.
  enum : std::size_t {
    last,
    last_quantity,
    average,
    volume,
    buy_quantity,
    sell_quantity,
    open,
    high,
    low,
    close,
    last_trade_time,
    oi,
    oi_high,
    oi_low,
    exchange_time,
    quantity,  ///< from here on one of each level
    price = quantity + levels,
    orders = price + levels,  ///< and above their 16 bits the two bytes behind them
  };
  /// The words of eight packets, each word a lane.
  using eight = lane8[words];

  static std::uint32_t token(const char* packet) {
    std::uint32_t v = 0;
    std::memcpy(&v, packet, sizeof v);
    return __builtin_bswap32(v);
  }

  template <class Byte>
  ARTHAM_INLINE static void read(Byte* const* packets, eight& w) {
    for (std::size_t at = 0; at < words; at += lanes) {
      const auto first = at < last_lanes ? at : last_lanes;
      for (std::size_t i = 0; i < lanes; ++i)
        w[first + i] = swapped(load_lanes(packets[i] + 4 * first));
      transpose(w + first);
    }
  }
  ARTHAM_INLINE static void write(const eight& w, char* const* packets) {
    for (std::size_t at = 0; at < words; at += lanes) {
      const auto first = at < last_lanes ? at : last_lanes;
      lane8 rows[lanes];
      for (std::size_t i = 0; i < lanes; ++i) rows[i] = w[first + i];
      transpose(rows);
      for (std::size_t i = 0; i < lanes; ++i) store_lanes(packets[i] + 4 * first, swapped(rows[i]));
    }
  }

  /// What stands for the packets before where instruments have none, by what is known of `w`
  /// already: nothing; then its exchange time, last price and OI.
  ARTHAM_INLINE static void guess(const eight& w, eight& before) {
    before[1 + last] = before[1 + average] = before[1 + open] = before[1 + high] = before[1 + low] =
        before[1 + close] = before[price_of(0)] = before[price_of(5)] = w[1 + last];
    before[1 + last_trade_time] = w[1 + exchange_time];
    before[1 + oi_high] = before[1 + oi_low] = w[1 + oi];
  }

  /// Which prices are told in units of five: those of instruments whose last price before is
  /// divisible by that. Other prices come back too, but are large numbers.
  ARTHAM_INLINE static lane8 in_fives(const eight& before) {
    return static_cast<lane8>(before[1 + last] * fifth <= ~0U / 5);
  }

  /// What is left of `w` once `before` is known, to[column * stride].
  ARTHAM_INLINE static void differ_keys(const eight& w, const eight& before, lane8 fives, lane8* to,
                                        std::size_t stride) {
    to[last * stride] = folded(divided(w[1 + last] - before[1 + last], fives));
    to[oi * stride] = folded(w[1 + oi] - before[1 + oi]);
    to[exchange_time * stride] = folded(w[1 + exchange_time] - before[1 + exchange_time]);
  }
  ARTHAM_INLINE static void differ(const eight& w, const eight& before, lane8 fives, lane8* to,
                                   std::size_t stride) {
    for (const auto i : {average, oi_high, oi_low})
      to[i * stride] = folded(w[1 + i] - before[1 + i]);
    for (const auto i : {open, high, low, close})
      to[i * stride] = folded(divided(w[1 + i] - before[1 + i], fives));
    to[volume * stride] = w[1 + volume] - before[1 + volume];
    to[last_quantity * stride] = new_or_zero(w[1 + last_quantity], before[1 + last_quantity]);
    const auto time = w[1 + exchange_time];
    to[last_trade_time * stride] =
        new_or_zero(time - w[1 + last_trade_time], time - before[1 + last_trade_time]);
    for (std::size_t i = 0; i < levels; ++i) {
      to[(quantity + i) * stride] = new_or_zero(w[quantity_of(i)], before[quantity_of(i)]);
      to[(orders + i) * stride] =
          new_or_zero(halves_swapped(w[orders_of(i)]), halves_swapped(before[orders_of(i)]));
      if (i % side_levels != 0) {
        to[(price + i) * stride] =
            new_or_zero(divided(step(w, i), fives), divided(step(before, i), fives));
      }
    }
    to[price * stride] = folded(divided(w[price_of(0)] - before[price_of(0)], fives));
    to[best_offer * stride] = folded(divided(
        (w[price_of(5)] - w[price_of(0)]) - (before[price_of(5)] - before[price_of(0)]), fives));
    for (const std::size_t side : {0, 1}) {
      const auto at = 1 + buy_quantity + side;
      to[(buy_quantity + side) * stride] =
          folded((w[at] - sum(w, side)) - (before[at] - sum(before, side)));
    }
  }

  /// The other way; `from` is of one row behind the other, of each column `stride` bytes.
  ARTHAM_INLINE static void undo_keys(const char* from, std::size_t stride, const eight& before,
                                      lane8 fives, eight& w) {
    w[1 + last] = times_five(unfolded(load_lanes(from + last * stride)), fives) + before[1 + last];
    for (const auto i : {oi, exchange_time})
      w[1 + i] = unfolded(load_lanes(from + i * stride)) + before[1 + i];
  }
  ARTHAM_INLINE static void undo(const char* from, std::size_t stride, const eight& before,
                                 lane8 fives, eight& w) {
    for (const auto i : {average, oi_high, oi_low})
      w[1 + i] = unfolded(load_lanes(from + i * stride)) + before[1 + i];
    for (const auto i : {open, high, low, close})
      w[1 + i] = times_five(unfolded(load_lanes(from + i * stride)), fives) + before[1 + i];
    w[1 + volume] = load_lanes(from + volume * stride) + before[1 + volume];
    w[1 + last_quantity] =
        known(load_lanes(from + last_quantity * stride), before[1 + last_quantity]);
    const auto time = w[1 + exchange_time];
    w[1 + last_trade_time] = time - known(load_lanes(from + last_trade_time * stride),
                                          time - before[1 + last_trade_time]);
    w[price_of(0)] =
        times_five(unfolded(load_lanes(from + price * stride)), fives) + before[price_of(0)];
    w[price_of(5)] = times_five(unfolded(load_lanes(from + best_offer * stride)), fives) +
                     w[price_of(0)] + (before[price_of(5)] - before[price_of(0)]);
    for (std::size_t i = 0; i < levels; ++i) {
      w[quantity_of(i)] = known(load_lanes(from + (quantity + i) * stride), before[quantity_of(i)]);
      w[orders_of(i)] = halves_swapped(
          known(load_lanes(from + (orders + i) * stride), halves_swapped(before[orders_of(i)])));
      if (i % side_levels != 0) {
        const auto up = times_five(
            known(load_lanes(from + (price + i) * stride), divided(step(before, i), fives)), fives);
        w[price_of(i)] = i < side_levels ? w[price_of(i - 1)] - up : w[price_of(i - 1)] + up;
      }
    }
    for (const std::size_t side : {0, 1}) {
      const auto at = 1 + buy_quantity + side;
      w[at] = unfolded(load_lanes(from + (buy_quantity + side) * stride)) + sum(w, side) +
              (before[at] - sum(before, side));
    }
  }

  /// A difference with its sign in the lowest bit: small ones are small numbers.
  template <class T>
  ARTHAM_INLINE static T folded(T difference) {
    return difference << 1U ^ (T{} - (difference >> 31U));
  }
  template <class T>
  ARTHAM_INLINE static T unfolded(T f) {
    return f >> 1U ^ (T{} - (f & 1U));
  }

 private:
  static constexpr std::size_t last_lanes = words - lanes;
  static constexpr std::size_t side_levels = levels / 2;
  static constexpr std::size_t best_offer = price + side_levels;

  static constexpr std::uint32_t fifth = 0xCCCCCCCD;  ///< times five it is 1

  static constexpr std::size_t quantity_of(std::size_t level) { return 16 + 3 * level; }
  static constexpr std::size_t price_of(std::size_t level) { return 17 + 3 * level; }
  static constexpr std::size_t orders_of(std::size_t level) { return 18 + 3 * level; }

  ARTHAM_INLINE static lane8 divided(lane8 v, lane8 fives) {
    return v * chosen(fives, lane8{} + fifth, lane8{} + 1U);
  }
  ARTHAM_INLINE static lane8 times_five(lane8 v, lane8 fives) { return chosen(fives, v * 5U, v); }
  /// How much worse a level's price is than that of the level before.
  ARTHAM_INLINE static lane8 step(const eight& w, std::size_t level) {
    const auto up = w[price_of(level)] - w[price_of(level - 1)];
    return level < side_levels ? lane8{} - up : up;
  }
  ARTHAM_INLINE static lane8 halves_swapped(lane8 v) { return v << 16U | v >> 16U; }
  /// 0 when nothing has changed; else the number itself, or one more below the number before.
  ARTHAM_INLINE static lane8 new_or_zero(lane8 v, lane8 before) {
    return (v - static_cast<lane8>(v < before)) & static_cast<lane8>(v != before);
  }
  ARTHAM_INLINE static lane8 known(lane8 left, lane8 before) {
    return chosen(static_cast<lane8>(left == 0), before, left + static_cast<lane8>(left <= before));
  }
  ARTHAM_INLINE static lane8 sum(const eight& w, std::size_t side) {
    lane8 all{};
    for (std::size_t i = 0; i < side_levels; ++i) all += w[quantity_of(side * side_levels + i)];
    return all;
  }
};

}  // namespace artham::bridge::redis

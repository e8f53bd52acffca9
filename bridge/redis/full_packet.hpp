#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace artham::bridge::redis {

/// The numbers of a full packet of Kite's protocol (184 bytes), and what a packet leaves to say
/// once another one is known. Everything is unsigned and wraps, so that any bytes come back.
struct full_packet {
  static constexpr std::size_t size = 184;
  static constexpr std::size_t head = 15;
  static constexpr std::size_t levels = 10;  ///< five bids, five offers
  static constexpr std::size_t numbers = head + 4 * levels;

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
    orders = price + levels,
    rest = orders + levels,  ///< the two bytes behind a level's orders
  };
  using values = std::array<std::uint32_t, numbers>;

  static std::uint32_t token(const char* packet) { return load32(packet); }

  static void read(const char* packet, values& v) {
    for (std::size_t i = 0; i < head; ++i) v[i] = load32(packet + 4 + 4 * i);
    for (std::size_t i = 0; i < levels; ++i) {
      const char* const level = packet + 64 + 12 * i;
      v[quantity + i] = load32(level);
      v[price + i] = load32(level + 4);
      const auto both = load32(level + 8);
      v[orders + i] = both >> 16U;
      v[rest + i] = both & 0xFFFFU;
    }
  }

  /// The third word of a level holds 16 bits of `orders` and of `rest`.
  static void write(std::uint32_t token, const values& v, char* packet) {
    store32(packet, token);
    for (std::size_t i = 0; i < head; ++i) store32(packet + 4 + 4 * i, v[i]);
    for (std::size_t i = 0; i < levels; ++i) {
      char* const level = packet + 64 + 12 * i;
      store32(level, v[quantity + i]);
      store32(level + 4, v[price + i]);
      store32(level + 8, v[orders + i] << 16U | (v[rest + i] & 0xFFFFU));
    }
  }

  /// What stands for the packet before where an instrument has none: for the numbers of
  /// differ_keys the exchange time of whatever packet was before, or 0; then for the others, by
  /// those of `v`.
  static void guess_keys(std::uint32_t time, values& before) {
    before = {};
    before[exchange_time] = time;
  }
  static void guess(const values& v, values& before) {
    before[average] = before[open] = before[high] = before[low] = before[close] = v[last];
    before[last_trade_time] = v[exchange_time];
    before[oi_high] = before[oi_low] = v[oi];
    before[price] = before[price + levels / 2] = v[last];
  }

  /// What is left of `v` once `before` is known; of the numbers that `guess` wants: differ_keys.
  static void differ(const values& v, const values& before, values& left) {
    for (const auto i : {average, volume, open, high, low, close, oi_high, oi_low})
      left[i] = folded(v[i] - before[i]);
    left[last_quantity] = new_or_zero(v[last_quantity], before[last_quantity]);
    left[last_trade_time] = new_or_zero(v[exchange_time] - v[last_trade_time],
                                        v[exchange_time] - before[last_trade_time]);
    for (std::size_t i = 0; i < levels; ++i) {
      left[quantity + i] = new_or_zero(v[quantity + i], before[quantity + i]);
      left[orders + i] = new_or_zero(v[orders + i], before[orders + i]);
      left[rest + i] = new_or_zero(v[rest + i], before[rest + i]);
    }
    for (const std::size_t side : {0, 1}) {
      left[buy_quantity + side] = folded(v[buy_quantity + side] - sum(v, side) -
                                         (before[buy_quantity + side] - sum(before, side)));
      const auto best = price + side * (levels / 2);
      for (auto i = best + 1; i < best + levels / 2; ++i)
        left[i] = new_or_zero(folded(v[i] - v[i - 1]), folded(before[i] - before[i - 1]));
    }
    left[price] = folded(v[price] - before[price]);
    left[best_offer] = folded(v[best_offer] - v[price] - (before[best_offer] - before[price]));
  }
  static void differ_keys(const values& v, const values& before, values& left) {
    for (const auto i : {last, exchange_time, oi}) left[i] = folded(v[i] - before[i]);
  }

  /// The other way.
  static void undo(const values& left, const values& before, values& v) {
    for (const auto i : {average, volume, open, high, low, close, oi_high, oi_low})
      v[i] = unfolded(left[i]) + before[i];
    v[last_quantity] = known(left[last_quantity], before[last_quantity]);
    v[last_trade_time] =
        v[exchange_time] - known(left[last_trade_time], v[exchange_time] - before[last_trade_time]);
    for (std::size_t i = 0; i < levels; ++i) {
      v[quantity + i] = known(left[quantity + i], before[quantity + i]);
      v[orders + i] = known(left[orders + i], before[orders + i]);
      v[rest + i] = known(left[rest + i], before[rest + i]);
    }
    v[price] = unfolded(left[price]) + before[price];
    v[best_offer] = unfolded(left[best_offer]) + v[price] + (before[best_offer] - before[price]);
    for (const std::size_t side : {0, 1}) {
      v[buy_quantity + side] = unfolded(left[buy_quantity + side]) + sum(v, side) +
                               (before[buy_quantity + side] - sum(before, side));
      const auto best = price + side * (levels / 2);
      for (auto i = best + 1; i < best + levels / 2; ++i)
        v[i] = unfolded(known(left[i], folded(before[i] - before[i - 1]))) + v[i - 1];
    }
  }
  static void undo_keys(const values& left, const values& before, values& v) {
    for (const auto i : {last, exchange_time, oi}) v[i] = unfolded(left[i]) + before[i];
  }

  /// A difference with its sign in the lowest bit: small ones are small numbers.
  static std::uint32_t folded(std::uint32_t difference) {
    return difference << 1U ^ (0U - (difference >> 31U));
  }
  static std::uint32_t unfolded(std::uint32_t f) { return f >> 1U ^ (0U - (f & 1U)); }

 private:
  static constexpr std::size_t best_offer = price + levels / 2;

  /// 0 when nothing has changed; else the number itself, or one more below the number before.
  static std::uint32_t new_or_zero(std::uint32_t v, std::uint32_t before) {
    return v == before ? 0 : v + static_cast<std::uint32_t>(v < before);
  }
  static std::uint32_t known(std::uint32_t left, std::uint32_t before) {
    return left == 0 ? before : left - static_cast<std::uint32_t>(left <= before);
  }
  static std::uint32_t sum(const values& v, std::size_t side) {
    std::uint32_t all = 0;
    for (std::size_t i = 0; i < levels / 2; ++i) all += v[quantity + side * (levels / 2) + i];
    return all;
  }
  static std::uint32_t load32(const char* p) {
    std::uint32_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
  }
  static void store32(char* p, std::uint32_t v) {
    v = __builtin_bswap32(v);
    std::memcpy(p, &v, sizeof v);
  }
};

}  // namespace artham::bridge::redis

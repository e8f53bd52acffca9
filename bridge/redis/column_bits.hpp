#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "bridge/redis/lanes.hpp"

/// Up to 256 numbers of a column in few bits each. docs/streams.md gives the bytes.
namespace artham::bridge::redis::column_bits {

inline constexpr std::size_t most_rows = 256;
inline constexpr std::size_t most_lanes = most_rows / lanes;
inline constexpr std::uint8_t has_large = 0x80;
/// Of a column of most_rows: two bytes in front, large numbers, bits, what a store runs over.
inline constexpr std::size_t most_bytes = 2 + 255 * 6 + 4 * most_rows + 8;

/// Numbers of at most `width` bits are kept in so many; larger ones are kept aside.
struct plan {
  std::uint32_t width = 0;
  std::uint32_t large = 0;
};

ARTHAM_INLINE std::uint32_t mask_of(std::uint32_t width) {
  return width == 32 ? ~0U : (1U << width) - 1;
}

/// `rows` numbers, zeros behind them up to a whole lane8.
ARTHAM_INLINE plan plan_of(const lane8* column, std::size_t rows) {
  const auto n = (rows + lanes - 1) / lanes;
  lane8 all{};
  for (std::size_t i = 0; i < n; ++i) all |= column[i];
  std::uint32_t any = 0;
  for (std::size_t i = 0; i < lanes; ++i) any |= all[i];
  plan best{static_cast<std::uint32_t>(std::bit_width(any)), 0};
  auto least = best.width * rows;
  for (auto width = best.width; width != 0;) {
    --width;
    lane8 larger{};
    for (std::size_t i = 0; i < n; ++i) larger -= static_cast<lane8>((column[i] >> width) != 0);
    std::uint32_t large = 0;
    for (std::size_t i = 0; i < lanes; ++i) large += larger[i];
    constexpr std::size_t bits_of_large = 20;
    const auto aside = 8 + bits_of_large * large;
    if (large > 255 || aside >= least) break;
    if (width * rows + aside < least) {
      least = width * rows + aside;
      best = {width, large};
    }
  }
  return best;
}

/// Writes at most most_bytes to `to`; answers where they end.
ARTHAM_INLINE char* put(char* to, const lane8* column, std::size_t rows) {
  const auto p = plan_of(column, rows);
  *to++ = static_cast<char>(p.width | (p.large != 0 ? has_large : 0U));
  const auto at = [&](std::size_t i) { return column[i / lanes][i % lanes]; };
  if (p.large != 0) {
    *to++ = static_cast<char>(p.large);
    char* number = to + p.large;
    for (std::size_t i = 0; i < rows; ++i) {
      auto above = std::uint64_t{at(i)} >> p.width;
      if (above == 0) continue;
      *to++ = static_cast<char>(i);
      for (; above >= 0x80; above >>= 7U) *number++ = static_cast<char>(above | 0x80U);
      *number++ = static_cast<char>(above);
    }
    to = number;
  }
  if (p.width == 0) return to;
  const auto mask = mask_of(p.width);
  if (rows == most_rows) {
    lane8 bits{};
    std::uint32_t used = 0;
    for (std::size_t i = 0; i < most_lanes; ++i) {
      const auto v = column[i] & mask;
      bits |= v << used;
      used += p.width;
      if (used < 32) continue;
      store_lanes(to, bits);
      to += sizeof bits;
      used -= 32;
      bits = used == 0 ? lane8{} : v >> (p.width - used);
    }
    return to;
  }
  std::uint64_t bits = 0;
  std::uint32_t used = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    bits |= std::uint64_t{at(i) & mask} << used;
    used += p.width;
    std::memcpy(to, &bits, sizeof bits);
    to += used / 8;
    bits >>= used & ~7U;
    used &= 7U;
  }
  return to + (used != 0 ? 1 : 0);
}

/// Takes a column of `rows` numbers from the front of untrusted `bytes`; false when it is none. In
/// the column's last lane8 anything may stand behind them.
ARTHAM_INLINE bool get(std::string_view& bytes, lane8* column, std::size_t rows) {
  if (bytes.empty()) return false;
  const auto front = static_cast<std::uint8_t>(bytes[0]);
  const std::uint32_t width = front & 0x7FU;
  bytes.remove_prefix(1);
  if (width > 32) return false;
  std::string_view places;
  std::array<std::uint32_t, 255> above;
  if ((front & has_large) != 0) {
    if (bytes.empty()) return false;
    const std::size_t large = static_cast<std::uint8_t>(bytes[0]);
    if (bytes.size() < 1 + large) return false;
    places = bytes.substr(1, large);
    bytes.remove_prefix(1 + large);
    for (std::size_t i = 0; i < large; ++i) {
      std::uint64_t v = 0;
      for (std::uint32_t shift = 0;; shift += 7) {
        if (bytes.empty() || shift > 28) return false;
        const auto b = static_cast<std::uint8_t>(bytes[0]);
        bytes.remove_prefix(1);
        v |= std::uint64_t{b & 0x7FU} << shift;
        if (b < 0x80) break;
      }
      if (static_cast<std::size_t>(static_cast<std::uint8_t>(places[i])) >= rows) return false;
      above[i] = static_cast<std::uint32_t>(v << width);
    }
  }
  const auto size = (rows * width + 7) / 8;
  if (bytes.size() < size) return false;
  const char* from = bytes.data();
  const auto mask = mask_of(width);
  if (width == 0) {
    for (std::size_t i = 0; i < (rows + lanes - 1) / lanes; ++i) column[i] = lane8{};
  } else if (rows == most_rows) {
    auto bits = load_lanes(from);
    std::uint32_t used = 0;
    for (std::size_t i = 0; i < most_lanes; ++i) {
      auto v = bits >> used;
      used += width;
      if (used >= 32 && i + 1 != most_lanes) {
        from += sizeof bits;
        used -= 32;
        bits = load_lanes(from);
        if (used != 0) v |= bits << (width - used);
      }
      column[i] = v & mask;
    }
  } else {
    const char* const end = from + size;
    std::size_t bit = 0;
    for (std::size_t i = 0; i < rows; ++i, bit += width) {
      std::uint64_t bits = 0;
      const auto* const p = from + bit / 8;
      if (end - p >= 8) {
        std::memcpy(&bits, p, sizeof bits);
      } else {
        std::memcpy(&bits, p, static_cast<std::size_t>(end - p));
      }
      column[i / lanes][i % lanes] = static_cast<std::uint32_t>(bits >> bit % 8) & mask;
    }
  }
  bytes.remove_prefix(size);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::size_t row = static_cast<std::uint8_t>(places[i]);
    column[row / lanes][row % lanes] |= above[i];
  }
  return true;
}

}  // namespace artham::bridge::redis::column_bits

#pragma once

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
inline constexpr std::uint8_t is_shifted = 0x40;
inline constexpr std::uint8_t has_large = 0x80;
/// Of a column of most_rows: four bytes in front, large numbers' places, all bits, what a store
/// runs over.
inline constexpr std::size_t most_bytes = 4 + most_rows + 4 * most_rows + 8;

/// Numbers of at most `width` bits are kept in so many; of larger ones what is above is kept aside.
struct plan {
  std::uint32_t shift = 0;  ///< zeros at the low end of all
  std::uint32_t width = 0;
  std::uint32_t large = 0;
  std::uint32_t above = 0;  ///< bits of large ones
};

ARTHAM_INLINE bool any(lane8 v) {
  using half4 = std::uint64_t __attribute__((vector_size(4 * lanes)));
  const auto h = std::bit_cast<half4>(v);
  return ((h[0] | h[1]) | (h[2] | h[3])) != 0;
}

ARTHAM_INLINE std::uint32_t mask_of(std::uint32_t width) {
  return width == 32 ? ~0U : (1U << width) - 1;
}

/// Of `rows` numbers, zeros behind them up to a whole lane8. Shifts them.
ARTHAM_INLINE plan prepare(lane8* column, std::size_t rows) {
  const auto n = (rows + lanes - 1) / lanes;
  lane8 all{};
  for (std::size_t i = 0; i < n; ++i) all |= column[i];
  std::uint32_t ones = 0;
  for (std::size_t i = 0; i < lanes; ++i) ones |= all[i];
  if (ones == 0) return {};
  plan best;
  best.shift = static_cast<std::uint32_t>(std::countr_zero(ones));
  if (best.shift != 0) {
    for (std::size_t i = 0; i < n; ++i) column[i] >>= best.shift;
  }
  const auto widest = static_cast<std::uint32_t>(std::bit_width(ones)) - best.shift;
  best.width = widest;
  auto least = widest * rows;
  for (auto width = widest; width != 0;) {
    --width;
    lane8 larger{};
    for (std::size_t i = 0; i < n; ++i) larger -= static_cast<lane8>((column[i] >> width) != 0);
    std::uint32_t large = 0;
    for (std::size_t i = 0; i < lanes; ++i) large += larger[i];
    const auto above = widest - width;
    const auto aside = 16 + (8 + std::size_t{above}) * large;
    if (large > 255 || aside >= least) break;
    if (width * rows + aside < least) {
      least = width * rows + aside;
      best = {best.shift, width, large, above};
    }
  }
  return best;
}

/// Numbers one behind the other, the low bits first. May write eight bytes more than it answers.
struct bit_writer {
  char* to;
  std::uint64_t bits = 0;
  std::uint32_t used = 0;

  ARTHAM_INLINE void put(std::uint32_t v, std::uint32_t width) {
    bits |= std::uint64_t{v} << used;
    used += width;
    std::memcpy(to, &bits, sizeof bits);
    to += used / 8;
    bits >>= used & ~7U;
    used &= 7U;
  }
  [[nodiscard]] ARTHAM_INLINE char* end() const { return to + (used != 0 ? 1 : 0); }
};

/// Writes at most most_bytes to `to`; answers where they end. What is in the column is used up.
ARTHAM_INLINE char* put(char* to, lane8* column, std::size_t rows) {
  const auto p = prepare(column, rows);
  *to++ = static_cast<char>(p.width | (p.shift != 0 ? is_shifted : 0U) |
                            (p.large != 0 ? has_large : 0U));
  if (p.shift != 0) *to++ = static_cast<char>(p.shift);
  const auto mask = mask_of(p.width);
  if (p.large != 0) {
    *to++ = static_cast<char>(p.large);
    *to++ = static_cast<char>(p.above);
    bit_writer above{to + p.large};
    for (std::size_t i = 0; i < rows; i += lanes) {
      const auto v = column[i / lanes] >> p.width;
      if (!any(v)) continue;
      for (std::size_t k = 0; k < lanes; ++k) {
        if (v[k] == 0) continue;
        *to++ = static_cast<char>(i + k);
        above.put(v[k], p.above);
      }
    }
    to = above.end();
  }
  if (p.width == 0) return to;
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
  bit_writer bits{to};
  for (std::size_t i = 0; i < rows; ++i) bits.put(column[i / lanes][i % lanes] & mask, p.width);
  return bits.end();
}

/// The other way, from [from, from + (numbers * width + 7) / 8).
struct bit_reader {
  const char* from;
  const char* end;
  std::size_t bit = 0;

  ARTHAM_INLINE std::uint32_t get(std::uint32_t width) {
    std::uint64_t bits = 0;
    const auto* const p = from + bit / 8;
    if (end - p >= static_cast<std::ptrdiff_t>(sizeof bits)) {
      std::memcpy(&bits, p, sizeof bits);
    } else {
      std::memcpy(&bits, p, static_cast<std::size_t>(end - p));
    }
    const auto v = static_cast<std::uint32_t>(bits >> bit % 8) & mask_of(width);
    bit += width;
    return v;
  }
};

/// Takes n bytes from the front; null when there are not so many.
ARTHAM_INLINE const char* take(std::string_view& bytes, std::size_t n) {
  if (n > bytes.size()) return nullptr;
  const char* const p = bytes.data();
  bytes.remove_prefix(n);
  return p;
}

/// Takes a column of `rows` numbers from the front of untrusted `bytes`; false when it is none. In
/// the column's last lane8 anything may stand behind them.
ARTHAM_INLINE bool get(std::string_view& bytes, lane8* column, std::size_t rows) {
  const auto byte = [&]() -> std::uint32_t {
    const char* const p = take(bytes, 1);
    return p == nullptr ? 0xFF : static_cast<std::uint8_t>(*p);
  };
  const auto front = byte();
  const auto width = front & ~std::uint32_t{is_shifted | has_large};
  const auto shift = (front & is_shifted) != 0 ? byte() : 0;
  if (width + shift > 32 || shift > 31) return false;
  const char* places = nullptr;
  const char* above_bits = nullptr;
  std::uint32_t large = 0;
  std::uint32_t above = 0;
  if ((front & has_large) != 0) {
    large = byte();
    above = byte();
    if (above == 0 || width + shift + above > 32) return false;
    places = take(bytes, large);
    above_bits = take(bytes, (std::size_t{large} * above + 7) / 8);
    if (places == nullptr || above_bits == nullptr) return false;
  }
  const auto size = (rows * width + 7) / 8;
  const char* from = take(bytes, size);
  if (from == nullptr) return false;
  const auto n = (rows + lanes - 1) / lanes;
  const auto mask = mask_of(width);
  if (width == 0) {
    for (std::size_t i = 0; i < n; ++i) column[i] = lane8{};
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
    bit_reader in{from, from + size};
    for (std::size_t i = 0; i < rows; ++i) column[i / lanes][i % lanes] = in.get(width);
  }
  if (large != 0) {
    bit_reader in{above_bits, above_bits + (std::size_t{large} * above + 7) / 8};
    for (std::size_t i = 0; i < large; ++i) {
      const std::size_t row = static_cast<std::uint8_t>(places[i]);
      if (row >= rows) return false;
      column[row / lanes][row % lanes] |= in.get(above) << width;
    }
  }
  if (shift != 0) {
    for (std::size_t i = 0; i < n; ++i) column[i] <<= shift;
  }
  return true;
}

}  // namespace artham::bridge::redis::column_bits

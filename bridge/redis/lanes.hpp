#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// Eight numbers at a time, in the instructions of whatever function this is compiled into.
#define ARTHAM_INLINE [[gnu::always_inline]] inline

namespace artham::bridge::redis {

inline constexpr std::size_t lanes = 8;
using lane8 = std::uint32_t __attribute__((vector_size(4 * lanes)));
using byte32 = std::uint8_t __attribute__((vector_size(4 * lanes)));

ARTHAM_INLINE lane8 load_lanes(const void* from) {
  lane8 v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
ARTHAM_INLINE void store_lanes(void* to, lane8 v) {
  std::memcpy(to, &v, sizeof v);
}
ARTHAM_INLINE lane8 chosen(lane8 mask, lane8 yes, lane8 no) {
  return (yes & mask) | (no & ~mask);
}

/// From big-endian numbers, or to them.
ARTHAM_INLINE lane8 swapped(lane8 v) {
  const auto b = std::bit_cast<byte32>(v);
  return std::bit_cast<lane8>(__builtin_shufflevector(b, b, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8,
                                                      15, 14, 13, 12, 19, 18, 17, 16, 23, 22, 21,
                                                      20, 27, 26, 25, 24, 31, 30, 29, 28));
}

/// Rows become columns.
ARTHAM_INLINE void transpose(lane8* r) {
  lane8 s[lanes];
  for (std::size_t i = 0; i < lanes; i += 2) {
    s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  lane8 t[lanes];
  for (std::size_t i = 0; i < lanes; i += 4) {
    for (std::size_t j = 0; j < 2; ++j) {
      t[i + 2 * j] = __builtin_shufflevector(s[i + j], s[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      t[i + 2 * j + 1] =
          __builtin_shufflevector(s[i + j], s[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    r[i] = __builtin_shufflevector(t[i], t[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    r[i + 4] = __builtin_shufflevector(t[i], t[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

}  // namespace artham::bridge::redis

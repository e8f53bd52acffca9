#pragma once

#include <cstdint>

/// Arithmetic on one double or on a vector of them by the same source: each lane goes through the
/// same IEEE operations in the same order, so that every width gives the same bits. No function
/// here is ever emitted on its own: files compiled for newer instruction sets include it.
namespace artham::market::option::detail {

#define ARTHAM_LANES [[gnu::always_inline]] static inline

template <class V>
struct lane_traits {
  static constexpr int width = sizeof(V) / sizeof(double);
  typedef std::int64_t bits __attribute__((vector_size(sizeof(V))));
  typedef std::uint64_t unsigned_bits __attribute__((vector_size(sizeof(V))));
  typedef std::int64_t mask __attribute__((vector_size(sizeof(V))));
  typedef double half __attribute__((vector_size(sizeof(V) / 2)));
};
template <>
struct lane_traits<double> {
  static constexpr int width = 1;
  using bits = std::int64_t;
  using unsigned_bits = std::uint64_t;
  using mask = bool;
};

template <class V>
using bits_of = typename lane_traits<V>::bits;
template <class V>
using mask_of = typename lane_traits<V>::mask;

template <class V>
ARTHAM_LANES V fill(double x) {
  return V{} + x;
}

template <class V>
ARTHAM_LANES V pick(mask_of<V> m, V yes, V no) {
  return m ? yes : no;
}

template <class V>
ARTHAM_LANES bool any(mask_of<V> m) {
  if constexpr (lane_traits<V>::width == 1) {
    return m;
  } else if constexpr (lane_traits<V>::width == 2) {
    return (m[0] | m[1]) != 0;
  } else {
    using half = typename lane_traits<V>::half;
    mask_of<half> parts[2];
    __builtin_memcpy(parts, &m, sizeof m);
    return any<half>(parts[0] | parts[1]);
  }
}

template <class V>
ARTHAM_LANES bool all(mask_of<V> m) {
  if constexpr (lane_traits<V>::width == 1) {
    return m;
  } else {
    return !any<V>(~m);
  }
}

template <class V>
ARTHAM_LANES bits_of<V> to_bits(V x) {
  return __builtin_bit_cast(bits_of<V>, x);
}

template <class V>
ARTHAM_LANES V from_bits(bits_of<V> b) {
  return __builtin_bit_cast(V, b);
}

/// Differences of any bits, which wrap around.
template <class V>
ARTHAM_LANES bits_of<V> difference(bits_of<V> a, bits_of<V> b) {
  using wide = typename lane_traits<V>::unsigned_bits;
  return __builtin_bit_cast(bits_of<V>, __builtin_bit_cast(wide, a) - __builtin_bit_cast(wide, b));
}

template <class V>
ARTHAM_LANES V magnitude(V x) {
  return from_bits<V>(to_bits(x) & std::int64_t{0x7fffffffffffffff});
}

template <class V>
ARTHAM_LANES V larger(V a, V b) {
  return pick<V>(a > b, a, b);
}

template <class V>
ARTHAM_LANES V smaller(V a, V b) {
  return pick<V>(a < b, a, b);
}

/// IEEE's square root is exactly rounded, hence the same everywhere.
template <class V>
ARTHAM_LANES V root(V x) {
  if constexpr (lane_traits<V>::width == 1) {
    return __builtin_sqrt(x);
  } else {
    V r = x;
    for (int i = 0; i < lane_traits<V>::width; ++i) r[i] = __builtin_sqrt(x[i]);
    return r;
  }
}

}  // namespace artham::market::option::detail

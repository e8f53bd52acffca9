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
  typedef std::int64_t mask __attribute__((vector_size(sizeof(V))));
};
template <>
struct lane_traits<double> {
  static constexpr int width = 1;
  using bits = std::int64_t;
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
  } else {
    std::int64_t all = 0;
    for (int i = 0; i < lane_traits<V>::width; ++i) all |= m[i];
    return all != 0;
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
    V r;
    for (int i = 0; i < lane_traits<V>::width; ++i) r[i] = __builtin_sqrt(x[i]);
    return r;
  }
}

}  // namespace artham::market::option::detail

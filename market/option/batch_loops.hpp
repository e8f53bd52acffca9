#pragma once

#include <cstddef>

#include "market/option/model.hpp"
#include "market/option/option.hpp"

namespace artham::market::option::detail {

/// A batch as plain pointers: what a file for a newer instruction set may touch.
struct value_job {
  const double* in[7];  ///< type, underlying, strike, years, rate, dividend, volatility
  double* out[6];       ///< price, delta, gamma, theta, vega, rho
  state* is;
  std::size_t size;
};
struct implied_job {
  const double* in[7];  ///< type, underlying, strike, years, rate, dividend, price
  double* volatility;
  state* is;
  std::size_t size;
};

/// Row `i` by the scalar functions.
void value_one(pricing model, const value_job& job, std::size_t i);
void implied_one(pricing model, const implied_job& job, std::size_t i);

void value_baseline(pricing model, const value_job& job);
void implied_baseline(pricing model, const implied_job& job);
void value_avx2(pricing model, const value_job& job);
void implied_avx2(pricing model, const implied_job& job);
void value_avx512(pricing model, const value_job& job);
void implied_avx512(pricing model, const implied_job& job);

template <class V>
ARTHAM_LANES V load(const double* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <class V>
ARTHAM_LANES void store(double* to, V v) {
  __builtin_memcpy(to, &v, sizeof v);
}

template <class V>
ARTHAM_LANES term_lanes<V> load_terms(const double* const (&in)[7], std::size_t i, bool black76) {
  const V rate = load<V>(in[4] + i);
  return {load<V>(in[0] + i),
          load<V>(in[1] + i),
          load<V>(in[2] + i),
          load<V>(in[3] + i),
          rate,
          black76 ? rate : load<V>(in[5] + i)};
}

/// How many vectors go through a step before the next step.
inline constexpr std::size_t abreast = 16;

template <class V, bool Black76>
ARTHAM_LANES void value_loop(const value_job& job) {
  constexpr std::size_t width = lane_traits<V>::width;
  constexpr auto model = Black76 ? pricing::black76 : pricing::black_scholes;
  std::size_t i = 0;
  while (i + width <= job.size) {
    const std::size_t left = (job.size - i) / width;
    const std::size_t vectors = left < abreast ? left : abreast;
    placed_lanes<V> at[abreast];
    tail_lanes<V> tails[abreast];
#pragma GCC unroll 2
    for (std::size_t k = 0; k < vectors; ++k) {
      const std::size_t from = i + k * width;
      at[k] = place_of<V, Black76>(load_terms<V>(job.in, from, Black76), load<V>(job.in[6] + from));
    }
    for (std::size_t k = 0; k < vectors; ++k)
      tails[k] = tails_of<V>(load_terms<V>(job.in, i + k * width, Black76), at[k]);
    for (std::size_t k = 0; k < vectors; ++k, i += width) {
      const auto o = load_terms<V>(job.in, i, Black76);
      const V volatility = load<V>(job.in[6] + i);
      const auto r = finish<V, Black76>(o, volatility, at[k], tails[k]);
      const mask_of<V> ok =
          usable<V>(o) & within<V>(volatility, 0, 1e300) & usable_deviation<V>(at[k].s);
      store<V>(job.out[0] + i, r.price);
      store<V>(job.out[1] + i, r.delta);
      store<V>(job.out[2] + i, r.gamma);
      store<V>(job.out[3] + i, r.theta);
      store<V>(job.out[4] + i, r.vega);
      store<V>(job.out[5] + i, r.rho);
      __builtin_memset(job.is + i, 0, width);
      if (!all<V>(ok)) {
        for (std::size_t one = 0; one < width; ++one)
          if (ok[one] == 0) value_one(model, job, i + one);
      }
    }
  }
  for (; i < job.size; ++i) value_one(model, job, i);
}

template <class V, bool Black76>
ARTHAM_LANES void implied_loop(const implied_job& job) {
  constexpr auto model = Black76 ? pricing::black76 : pricing::black_scholes;
  constexpr std::size_t width = lane_traits<V>::width;
  std::size_t i = 0;
  for (; i + width <= job.size; i += width) {
    const auto o = load_terms<V>(job.in, i, Black76);
    const auto r = solve<V, Black76>(o, load<V>(job.in[6] + i));
    store<V>(job.volatility + i, r.volatility);
    __builtin_memset(job.is + i, 0, width);
    if (!all<V>(r.ok)) {
      for (std::size_t k = 0; k < width; ++k)
        if (r.ok[k] == 0) implied_one(model, job, i + k);
    }
  }
  for (; i < job.size; ++i) implied_one(model, job, i);
}

}  // namespace artham::market::option::detail

#include "market/option/normal.hpp"

#include <algorithm>
#include <cmath>

#include "market/option/kernels.hpp"

namespace artham::market::option {

namespace {

/// Phi(z) - 1/2 for |z| <= 1 by its Taylor series.
double central(double z) {
  constexpr double terms[] = {1.0,
                              -1.0 / 6,
                              1.0 / 40,
                              -1.0 / 336,
                              1.0 / 3456,
                              -1.0 / 42240,
                              1.0 / 599040,
                              -1.0 / 9676800,
                              1.0 / 175472640,
                              -1.0 / 3530096640.0,
                              1.0 / 78033715200.0,
                              -1.0 / 1880240947200.0,
                              1.0 / 49049763840000.0,
                              -1.0 / 1377317368627200.0};
  return z * detail::inverse_root_two_pi * detail::polynomial(terms, z * z);
}

/// 1/2 + central(z), rounded hardly more than once: the leading product is taken exactly.
double central_cdf(double z) {
  constexpr double high = 0x1.9884530p-2;  // 1/sqrt(2 pi) in two parts, the first of 26 bits
  constexpr double low = detail::inverse_root_two_pi - high;
  const double front = detail::from_bits<double>(detail::to_bits(z) & ~std::int64_t{0x7ffffff});
  const double product = front * high;
  const double sum = 0.5 + product;
  const double lost = product - (sum - 0.5);
  const double rest = (z - front) * high + z * low + (central(z) - z * detail::inverse_root_two_pi);
  return sum + (lost + rest);
}

}  // namespace

double exponential(double x) {
  return detail::exponential(x);
}
double logarithm(double x) {
  return detail::log_ratio(x, 1.0);
}
double log_ratio(double a, double b) {
  return detail::log_ratio(a, b);
}
double normal_density(double z) {
  return detail::density(std::clamp(z, -40.0, 40.0));
}
double scaled_erfc(double x) {
  return detail::mills(x * 1.4142135623730951) * 0.7978845608028654;
}

double normal_cdf(double z) {
  if (std::abs(z) <= 1) return central_cdf(z);
  const double rest = detail::tail(std::clamp(z, -40.0, 40.0));
  return z < 0 ? rest : 1 - rest;
}

double normal_quantile(double probability) {
  if (!(probability > 0)) return -38.5;
  if (probability >= 1) return 8.3;
  const double small = std::min(probability, 1 - probability);
  // Hastings 26.2.23 (Abramowitz and Stegun) to 4.5e-4, then Halley's method in the tail.
  const double l = std::sqrt(-2 * detail::log_ratio(std::max(small, 1e-307), 1.0));
  double z = l - (2.515517 + l * (0.802853 + l * 0.010328)) /
                     (1 + l * (1.432788 + l * (0.189269 + l * 0.001308)));
  if (small > 0.2) {
    const double wanted = probability < 0.5 ? 0.5 - probability : probability - 0.5;
    for (int i = 0; i < 3; ++i) {
      const double newton = (central(z) - wanted) / detail::density(z);
      z -= newton / (1 + 0.5 * z * newton);
    }
  } else {
    for (int i = 0; i < 3; ++i) {
      const double newton = detail::mills(z) - small / detail::density(z);
      z += newton / (1 - 0.5 * z * newton);
    }
  }
  return probability < 0.5 ? -z : z;
}

}  // namespace artham::market::option

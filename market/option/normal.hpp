#pragma once

/// The normal distribution and its kin out of plain IEEE operations: the same bits everywhere.
namespace artham::market::option {

/// e^x to 1 ulp; x is held within [-800, 700].
[[nodiscard]] double exponential(double x);
/// ln x of a normal positive x, to 1 ulp.
[[nodiscard]] double logarithm(double x);
/// ln(a / b) of normal positive a, b and quotient, to 1 ulp, near 1 too.
[[nodiscard]] double log_ratio(double a, double b);
[[nodiscard]] double normal_density(double z);
/// Absolute error below 2e-16; relative to the tail for z < 0.
[[nodiscard]] double normal_cdf(double z);
/// The z of a probability; held within [-38.5, 8.3] outside (0, 1).
[[nodiscard]] double normal_quantile(double probability);
/// exp(x^2) erfc(x), x >= 0.
[[nodiscard]] double scaled_erfc(double x);

}  // namespace artham::market::option

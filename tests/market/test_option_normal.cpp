#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>

#include "market/option/normal.hpp"
#include "option_support.hpp"

using namespace option_test;  // NOLINT(google-build-using-namespace)

namespace {

double between(double low, double high) {
  return low + (high - low) * (*rc::gen::inRange(0, 1 << 30) / static_cast<double>(1 << 30));
}

bool same(double a, long double b, double tolerance) {
  return std::abs(a - b) <= tolerance * std::abs(b);
}

}  // namespace

TEST_CASE("exp and log against the machine's long double") {
  CHECK(rc::check("exp", [] {
    const double x = between(-700, 700);
    RC_ASSERT(same(exponential(x), std::exp(static_cast<long double>(x)), 3.4e-16));
  }));
  CHECK(rc::check("log", [] {
    const double x = std::exp(between(-700, 700));
    RC_ASSERT(same(logarithm(x), std::log(static_cast<long double>(x)), 4.5e-16));
  }));
  CHECK(exponential(0) == 1);
  CHECK(exponential(-1000) == 0);
  CHECK(logarithm(1) == 0);
  CHECK(same(exponential(-740), std::exp(-740.0L), 1e-2));
}

TEST_CASE("the normal distribution against the machine's long double") {
  const auto cdf = [](double z) { return 0.5L * std::erfc(-z / std::sqrt(2.0L)); };
  CHECK(rc::check("centre", [&] {
    const double z = between(-5, 5);
    RC_ASSERT(near(normal_cdf(z), static_cast<double>(cdf(z)), 2.3e-16));
  }));
  CHECK(rc::check("tail", [&] {
    const double z = between(-37, -1);
    RC_ASSERT(same(normal_cdf(z), cdf(z), 2e-14));
  }));
  CHECK(rc::check("scaled erfc", [] {
    const long double x = between(0, 20);
    RC_ASSERT(same(scaled_erfc(static_cast<double>(x)), std::exp(x * x) * std::erfc(x), 1e-15));
  }));
  CHECK(near(scaled_erfc(1e8), 1 / (1e8 * std::sqrt(M_PI)), 1e-23));
  CHECK(normal_cdf(0) == 0.5);
  CHECK(normal_cdf(-1e9) == 0);
  CHECK(normal_cdf(1e9) == 1);
  CHECK(near(normal_density(1), 0.24197072451914335, 1e-16));
}

TEST_CASE("the quantile turns the distribution around") {
  CHECK(rc::check("quantile", [] {
    const double z = between(-37, 5);
    const double back = normal_quantile(normal_cdf(z));
    const double blur = 2e-16 * normal_cdf(z) / normal_density(z) + 4e-16 * std::abs(z) + 4e-16;
    RC_ASSERT(near(back, z, 20 * blur));
  }));
  CHECK(near(normal_quantile(0.25), -0.6744897501960817, 4e-16));
  CHECK(normal_quantile(0.5) == 0);
  CHECK(normal_quantile(0) == -38.5);
  CHECK(normal_quantile(1) == 8.3);
}

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "option_market.hpp"

// Price with five Greeks, and implied volatility, of index option chains: scalar, and a batch at a
// time on each instruction set, against a plain loop over the C library's functions of the same
// run.

namespace {

using namespace artham::market::option;  // NOLINT(google-build-using-namespace)
using option_bench::median;
using option_bench::name_of;

constexpr std::size_t count = 20'000;

double cdf(double z) {
  return 0.5 * std::erfc(-z * M_SQRT1_2);
}

valuation plain_value(const terms& t, double volatility) {
  const double sign = static_cast<double>(t.type);
  const double root = std::sqrt(t.years);
  const double d1 = (std::log(t.underlying / t.strike) +
                     (t.rate - t.dividend + 0.5 * volatility * volatility) * t.years) /
                    (volatility * root);
  const double d2 = d1 - volatility * root;
  const double asset = std::exp(-t.dividend * t.years);
  const double cash = t.strike * std::exp(-t.rate * t.years);
  const double density = std::exp(-0.5 * d1 * d1) * M_SQRT1_2 / std::sqrt(M_PI);
  const double n1 = cdf(sign * d1);
  const double n2 = cdf(sign * d2);
  valuation v;
  v.price = sign * (t.underlying * asset * n1 - cash * n2);
  v.delta = sign * asset * n1;
  v.gamma = asset * density / (t.underlying * volatility * root);
  v.vega = t.underlying * asset * density * root / 100;
  v.theta = (-0.5 * t.underlying * asset * density * volatility / root - sign * t.rate * cash * n2 +
             sign * t.dividend * t.underlying * asset * n1) /
            365;
  v.rho = sign * t.years * cash * n2 / 100;
  return v;
}

/// Newton's method from the point of inflection (Manaster and Koehler), to 1e-10.
double plain_volatility(const terms& t, double price) {
  const double x = std::log(t.underlying / t.strike) + (t.rate - t.dividend) * t.years;
  double volatility = std::max(0.01, std::sqrt(2 * std::abs(x) / t.years));
  for (int i = 0; i < 100; ++i) {
    const auto v = plain_value(t, volatility);
    const double step = (price - v.price) / (100 * v.vega);
    volatility += step;
    if (std::abs(step) < 1e-10) break;
  }
  return volatility;
}

void print(const char* what, const char* how, double seconds, double plain) {
  std::printf("%-18s %-16s %7.2f M/s  %5.1f x plain\n", what, how, count / seconds / 1e6,
              plain / seconds);
}

}  // namespace

int main() {
  const auto m = option_bench::chains(count);
  std::vector<double> out[6];
  for (auto& column : out) column.resize(count);
  std::vector<state> is(count);
  double sink = 0;

  const double plain = median([&] {
    for (std::size_t i = 0; i < count; ++i) {
      const auto v = plain_value(m.at(i), m.volatility[i]);
      sink += v.price + v.delta + v.gamma + v.theta + v.vega + v.rho;
    }
  });
  print("price + 5 Greeks", "plain libm loop", plain, plain);
  print("price + 5 Greeks", "scalar", median([&] {
          for (std::size_t i = 0; i < count; ++i) {
            const auto v = value(pricing::black_scholes, m.at(i), m.volatility[i]);
            sink += v.price + v.delta + v.gamma + v.theta + v.vega + v.rho;
          }
        }),
        plain);
  for (const auto set : instruction_sets()) {
    print("price + 5 Greeks", name_of(set), median([&] {
            value(pricing::black_scholes, m.view(), m.volatility,
                  {out[0], out[1], out[2], out[3], out[4], out[5], is}, set);
          }),
          plain);
  }

  const auto prices = out[0];
  const double newton = median([&] {
    for (std::size_t i = 0; i < count; ++i) sink += plain_volatility(m.at(i), prices[i]);
  });
  print("implied volatility", "plain Newton", newton, newton);
  print("implied volatility", "scalar", median([&] {
          for (std::size_t i = 0; i < count; ++i)
            sink += implied_volatility(pricing::black_scholes, m.at(i), prices[i]).volatility;
        }),
        newton);
  for (const auto set : instruction_sets()) {
    print("implied volatility", name_of(set), median([&] {
            implied_volatility(pricing::black_scholes, m.view(), prices, out[1], is, set);
          }),
          newton);
  }
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i)
    worst = std::max(worst, std::abs(out[1][i] - m.volatility[i]));
  std::printf("largest difference to the true volatility: %.1e\n", worst);
  return std::isfinite(sink) ? 0 : 1;
}

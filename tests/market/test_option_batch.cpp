#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "market/option/batch.hpp"
#include "option_support.hpp"

using namespace option_test;  // NOLINT(google-build-using-namespace)

namespace {

struct table {
  std::vector<double> type, underlying, strike, years, rate, dividend, given;

  [[nodiscard]] columns view() const { return {type, underlying, strike, years, rate, dividend}; }
  [[nodiscard]] terms at(std::size_t i) const {
    return {type[i] < 0 ? side::put : side::call,
            underlying[i],
            strike[i],
            years[i],
            rate[i],
            dividend[i]};
  }
};

/// Chains, and among them whatever a lane may meet.
table any_table(std::size_t size) {
  std::mt19937_64 engine(7);
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * (static_cast<double>(engine() >> 11U) * 0x1p-53);
  };
  constexpr double odd[] = {0,
                            -0.0,
                            -1,
                            1e-320,
                            1e300,
                            std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN()};
  table t;
  for (std::size_t i = 0; i < size; ++i) {
    const bool wild = i % 3 == 0;
    const double years = wild ? std::exp(uniform(-18, 4)) : uniform(1e-4, 0.2);
    const double sigma = wild ? std::exp(uniform(-5, 2)) : uniform(0.08, 0.4);
    const double h = wild ? uniform(-30, 30) : uniform(-4, 4);
    std::vector<double> cells = {
        24350,
        24350 * std::exp(std::fmax(std::fmin(h * sigma * std::sqrt(years), 50.0), -50.0)),
        years,
        uniform(-0.03, 0.1),
        uniform(0, 0.03),
        sigma};
    if (engine() % 16 == 0) cells[engine() % cells.size()] = odd[engine() % std::size(odd)];
    t.type.push_back(engine() % 2 == 0 ? 1 : -1);
    t.underlying.push_back(cells[0]);
    t.strike.push_back(cells[1]);
    t.years.push_back(cells[2]);
    t.rate.push_back(cells[3]);
    t.dividend.push_back(cells[4]);
    t.given.push_back(cells[5]);
  }
  return t;
}

bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

TEST_CASE("batches have the bits of the scalar functions on every instruction set") {
  // No multiple of any width.
  const auto t = any_table(20'011);
  const std::size_t n = t.given.size();
  for (const auto model : {pricing::black_scholes, pricing::black76}) {
    for (const auto set : instruction_sets()) {
      CAPTURE(static_cast<int>(set));
      std::vector<double> out[6];
      for (auto& column : out) column.resize(n);
      std::vector<state> is(n);
      value(model, t.view(), t.given, {out[0], out[1], out[2], out[3], out[4], out[5], is}, set);
      std::size_t different = 0;
      std::size_t ok = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const auto v = value(model, t.at(i), t.given[i]);
        const double want[] = {v.price, v.delta, v.gamma, v.theta, v.vega, v.rho};
        for (std::size_t k = 0; k < 6; ++k)
          if (!same_bits(out[k][i], want[k])) ++different;
        if (is[i] != v.is) ++different;
        if (v.is == state::ok) ++ok;
      }
      CHECK(different == 0);
      CHECK(ok > n / 2);
      CHECK(ok < n);

      std::vector<double> volatility(n);
      std::vector<state> found(n);
      auto prices = out[0];
      for (std::size_t i = 0; i < n; i += 97) prices[i] = static_cast<double>(i) - 100;
      implied_volatility(model, t.view(), prices, volatility, found, set);
      different = 0;
      ok = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const auto r = implied_volatility(model, t.at(i), prices[i]);
        if (!same_bits(r.volatility, volatility[i]) || r.is != found[i]) ++different;
        if (r.is == state::ok) ++ok;
      }
      CHECK(different == 0);
      CHECK(ok > n / 2);
    }
  }
}

TEST_CASE("the bits are those of every other machine") {
  std::uint64_t digest = 0;
  const auto add = [&](double x) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    digest = (digest ^ bits) * 0x9e3779b97f4a7c15;
    digest ^= digest >> 29U;
  };
  for (int i = -20'000; i < 20'000; ++i) {
    // Exact inputs: no library function of this machine takes part.
    const double strike = 1000 + i / 32.0;
    const terms o{
        i % 2 == 0 ? side::call : side::put, 1000, strike, (1 + i % 7 + 7) / 64.0, 0.0625, 0.03125};
    const auto v = value(pricing::black_scholes, o, 0.125);
    for (const double x : {v.price, v.delta, v.gamma, v.theta, v.vega, v.rho}) add(x);
    add(implied_volatility(pricing::black_scholes, o, v.price).volatility);
  }
  CHECK(digest == 1731413067970458443ULL);
}

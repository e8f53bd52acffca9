#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

#include "option_support.hpp"

using namespace option_test;  // NOLINT(google-build-using-namespace)

namespace {

constexpr auto bs = pricing::black_scholes;

double between(double low, double high) {
  return low + (high - low) * (*rc::gen::inRange(0, 1 << 30) / static_cast<double>(1 << 30));
}

struct sample {
  terms option;
  double volatility;
  double forward;
  double discount;
};

/// One second to 30 years, 1 % to 300 %, up to `deviations` in or out of the money, rates of both
/// signs and zero.
sample any_option(double deviations) {
  sample s;
  auto& t = s.option;
  t.type = *rc::gen::element(side::call, side::put);
  t.years = *rc::gen::inRange(0, 10) == 0 ? 1 / (365.0 * 86400)
                                          : std::exp(between(std::log(3e-8), std::log(30)));
  s.volatility = std::exp(between(std::log(0.01), std::log(3)));
  t.underlying = std::exp(between(-3, 11));
  const double deviation = s.volatility * std::sqrt(t.years);
  const double x = *rc::gen::inRange(0, 10) == 0 ? 0 : deviation * between(-deviations, deviations);
  t.strike = t.underlying * std::exp(std::clamp(x, -60.0, 60.0));
  t.rate = *rc::gen::inRange(0, 5) == 0 ? 0 : between(-0.05, 0.15);
  t.dividend = *rc::gen::inRange(0, 5) == 0 ? 0 : between(-0.03, 0.1);
  s.forward = t.underlying * std::exp((t.rate - t.dividend) * t.years);
  s.discount = std::exp(-t.rate * t.years);
  return s;
}

terms other(terms t) {
  t.type = t.type == side::call ? side::put : side::call;
  return t;
}

/// Half the difference of the price to both sides over `step`, in higher order.
template <class Price>
double slope(Price price, double step) {
  const double one = price(step) - price(-step);
  const double two = price(2 * step) - price(-2 * step);
  const double three = price(3 * step) - price(-3 * step);
  return (45 * one - 9 * two + three) / (60 * step);
}

}  // namespace

TEST_CASE("every option has finite values within its bounds, and parity holds") {
  CHECK(rc::check("bounds and parity", [] {
    const auto s = any_option(40);
    const auto a = value(bs, s.option, s.volatility);
    const auto b = value(bs, other(s.option), s.volatility);
    RC_ASSERT(a.is == state::ok);
    RC_ASSERT(sane(a));
    const double sign = static_cast<double>(s.option.type);
    const double scale = std::max(s.forward, s.option.strike) * s.discount;
    const double inner = sign * (s.forward - s.option.strike) * s.discount;
    RC_ASSERT(a.price >= 0);
    RC_ASSERT(a.price >= inner - 1e-14 * scale);
    RC_ASSERT(a.price <= scale * (1 + 1e-14));
    RC_ASSERT(near(a.price - b.price, inner, 2e-14 * scale));
    RC_ASSERT(near(sign * (a.delta - b.delta), s.forward * s.discount / s.option.underlying,
                   1e-14 * s.forward * s.discount / s.option.underlying));
    RC_ASSERT(a.gamma == b.gamma);
    RC_ASSERT(a.vega == b.vega);
    RC_ASSERT(a.gamma >= 0);
  }));
}

TEST_CASE("implied volatility comes back as exactly as the price can tell it") {
  CHECK(rc::check("round trip", [] {
    const auto s = any_option(*rc::gen::element(1, 8, 30));
    const auto v = value(bs, s.option, s.volatility);
    const auto r = implied_volatility(bs, s.option, v.price);
    RC_ASSERT(std::isfinite(r.volatility));
    RC_ASSERT(r.is != state::bad_terms);
    // An ulp of the price, and in the money of the bound that is taken away, in volatility.
    const double inner = std::max(
        0.0, static_cast<double>(s.option.type) * (s.forward - s.option.strike) * s.discount);
    const double ulp =
        2.3e-16 *
        (v.price + (inner > 0 ? 2 * std::max(s.forward, s.option.strike) * s.discount : 0.0));
    const double blur = ulp / (100 * v.vega * s.volatility) + 2.3e-16;
    if (v.price < 1e-290 || !(blur < 1e-4)) return;
    RC_ASSERT(r.is == state::ok);
    RC_ASSERT(near(r.volatility, s.volatility, 12 * blur * s.volatility));
  }));
}

TEST_CASE("any price whatever gives a state or a volatility that gives the price back") {
  CHECK(rc::check("any price", [] {
    const auto s = any_option(30);
    const double most = (s.option.type == side::call ? s.forward : s.option.strike) * s.discount;
    const double price = *rc::gen::element(0.0, 1.0) == 0
                             ? most * between(-0.2, 1.2)
                             : most * std::exp(between(-720, 0.1)) * (1 - 1e-16);
    const auto r = implied_volatility(bs, s.option, price);
    RC_ASSERT(std::isfinite(r.volatility));
    if (r.is != state::ok) {
      RC_ASSERT(r.volatility == 0);
      return;
    }
    RC_ASSERT(r.volatility > 0);
    const auto v = value(bs, s.option, r.volatility);
    RC_ASSERT(v.is == state::ok);
    const double scale = std::max(s.forward, s.option.strike) * s.discount;
    RC_ASSERT(near(v.price, price, 1e-14 * scale));
  }));
}

TEST_CASE("price rises with volatility; a call falls and a put rises with the strike") {
  CHECK(rc::check("monotone", [] {
    const auto s = any_option(6);
    const auto v = value(bs, s.option, s.volatility);
    const auto more = value(bs, s.option, s.volatility * 1.001);
    const double scale = std::max(s.forward, s.option.strike) * s.discount;
    RC_ASSERT(more.price >= v.price - 1e-15 * scale);
    auto higher = s.option;
    higher.strike *= 1.001;
    const double change = value(bs, higher, s.volatility).price - v.price;
    RC_ASSERT(static_cast<double>(s.option.type) * change <= 1e-15 * scale);
  }));
}

TEST_CASE("Greeks are the slopes of the price") {
  CHECK(rc::check("finite differences", [] {
    auto s = any_option(3);
    s.option.years = between(0.05, 2);
    s.volatility = between(0.1, 0.6);
    s.option.underlying = 100;
    s.option.strike = 100 * std::exp(s.volatility * std::sqrt(s.option.years) * between(-3, 3));
    const auto v = value(bs, s.option, s.volatility);
    const auto at = [&](double terms::*what, double base) {
      return [&s, what, base](double by) {
        auto t = s.option;
        t.*what = base + by;
        return value(bs, t, s.volatility).price;
      };
    };
    const auto& t = s.option;
    const double spot = 0.02 * 100 * s.volatility * std::sqrt(t.years);
    RC_ASSERT(near(v.delta, slope(at(&terms::underlying, 100), spot), 1e-9));
    RC_ASSERT(near(v.theta * 365, -slope(at(&terms::years, t.years), 0.01 * t.years), 1e-6));
    RC_ASSERT(near(v.rho * 100, slope(at(&terms::rate, t.rate), 1e-3), 1e-6));
    const auto of_volatility = [&](double by) { return value(bs, t, s.volatility + by).price; };
    RC_ASSERT(near(v.vega * 100, slope(of_volatility, 0.01 * s.volatility), 1e-6));
    const auto delta = [&](double by) {
      auto moved = t;
      moved.underlying += by;
      return value(bs, moved, s.volatility).delta;
    };
    RC_ASSERT(near(v.gamma, slope(delta, spot), 1e-9));
  }));
}

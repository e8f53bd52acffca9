#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "option_support.hpp"

using namespace option_test;  // NOLINT(google-build-using-namespace)

namespace {

constexpr auto bs = pricing::black_scholes;
constexpr auto black = pricing::black76;
constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a textbook option") {
  // Hull, Options, Futures and Other Derivatives: S 42, K 40, r 10 %, half a year, volatility 20 %.
  const terms call{side::call, 42, 40, 0.5, 0.10, 0};
  const terms put{side::put, 42, 40, 0.5, 0.10, 0};
  CHECK(near(value(bs, call, 0.2).price, 4.759422392871532, 1e-12));
  CHECK(near(value(bs, put, 0.2).price, 0.8085993729000922, 1e-12));
  CHECK(near(implied_volatility(bs, call, 4.759422392871532).volatility, 0.2, 1e-14));
  CHECK(near(implied_volatility(bs, put, 0.8085993729000922).volatility, 0.2, 1e-14));
}

TEST_CASE("at the money one second before expiry") {
  const double year = 365.0 * 86400;
  const terms t{side::call, 24350, 24350, 1 / year, 0, 0};
  const auto v = value(black, t, 0.15);
  const double deviation = 0.15 / std::sqrt(year);
  const double expected =
      24350 * deviation / std::sqrt(2 * M_PI) * (1 - deviation * deviation / 24);
  CHECK(near(v.price, expected, 1e-15 * expected));
  const auto iv = implied_volatility(black, t, v.price);
  CHECK(iv.is == state::ok);
  CHECK(near(iv.volatility, 0.15, 1e-15));
}

TEST_CASE("a price on or beyond a bound has a state, and no volatility") {
  const terms call{side::call, 100, 80, 0.25, 0, 0};
  const terms put{side::put, 100, 80, 0.25, 0, 0};
  const auto is = [](const terms& t, double price) {
    const auto r = implied_volatility(black, t, price);
    if (r.is != state::ok) CHECK(r.volatility == 0);
    return r.is;
  };
  CHECK(is(call, 20) == state::intrinsic);
  CHECK(is(call, 19.99) == state::below_intrinsic);
  CHECK(is(call, 20.01) == state::ok);
  CHECK(is(call, 100) == state::above_bound);
  CHECK(is(call, 101) == state::above_bound);
  CHECK(is(call, std::nextafter(100, 0)) != state::below_intrinsic);
  CHECK(is(call, 99.999) == state::ok);
  CHECK(is(put, 0) == state::intrinsic);
  CHECK(is(put, -0.05) == state::below_intrinsic);
  CHECK(is(put, 1e-250) == state::ok);
  CHECK(is(put, std::numeric_limits<double>::denorm_min()) == state::intrinsic);
  CHECK(is(put, 80) == state::above_bound);
  CHECK(is(call, not_a_number) == state::no_quote);
  CHECK(is(call, infinite) == state::no_quote);
}

TEST_CASE("terms that no price belongs to are told, not computed") {
  const terms good{side::call, 100, 100, 1, 0.05, 0.01};
  for (const double bad : {0.0, -1.0, not_a_number, infinite}) {
    auto t = good;
    t.strike = bad;
    CHECK(value(bs, t, 0.2).is == state::bad_terms);
    CHECK(implied_volatility(bs, t, 5).is == state::bad_terms);
    t = good;
    t.underlying = bad;
    CHECK(value(bs, t, 0.2).is == state::bad_terms);
    CHECK(implied_volatility(bs, t, 5).is == state::bad_terms);
  }
  CHECK(value(bs, good, -0.2).is == state::bad_terms);
  CHECK(value(bs, good, not_a_number).is == state::bad_terms);
  CHECK(name(state::bad_terms) == "bad_terms");
  auto t = good;
  t.rate = not_a_number;
  CHECK(value(bs, t, 0.2).is == state::bad_terms);
}

TEST_CASE("an expired option is worth what it pays, one without volatility its intrinsic value") {
  for (const double years : {0.0, -0.5}) {
    const terms call{side::call, 110, 100, years, 0.05, 0};
    const auto v = value(bs, call, 0.2);
    CHECK(v.is == state::expired);
    CHECK(v.price == 10);
    CHECK(implied_volatility(bs, call, 10).is == state::expired);
  }
  const terms put{side::put, 90, 100, 0.5, 0, 0};
  const auto v = value(bs, put, 0);
  CHECK(v.is == state::intrinsic);
  CHECK(v.price == 10);
}

TEST_CASE("Black 76 is Black-Scholes of the forward, but for rho") {
  const terms spot{side::put, 24350, 24500, 0.08, 0.065, 0.012};
  const double forward = 24350 * std::exp((0.065 - 0.012) * 0.08);
  const terms future{side::put, forward, 24500, 0.08, 0.065, 0.7};
  const auto a = value(bs, spot, 0.14);
  const auto b = value(black, future, 0.14);
  CHECK(near(a.price, b.price, 1e-10));
  CHECK(near(a.vega, b.vega, 1e-10));
  CHECK(near(b.rho, -0.08 * b.price / 100, 1e-14));
}

TEST_CASE("the forward that parity gives") {
  const terms call{side::call, 24350, 24300, 0.1, 0.065, 0.01};
  auto put = call;
  put.type = side::put;
  const double f =
      parity_forward(value(bs, call, 0.13).price, value(bs, put, 0.13).price, 24300, 0.1, 0.065);
  CHECK(near(f, 24350 * std::exp((0.065 - 0.01) * 0.1), 1e-10));
}

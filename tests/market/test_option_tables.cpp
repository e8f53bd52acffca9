#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "market/option/normal.hpp"
#include "option_support.hpp"

// Published and computed reference values, at the tolerances that their README gives.

using namespace option_test;  // NOLINT(google-build-using-namespace)

namespace {

constexpr auto bs = pricing::black_scholes;
constexpr auto black = pricing::black76;

side side_of(const std::string& text) {
  return text == "call" || text == "C" || text == "CE" || text == "1" ? side::call : side::put;
}

bool relative(double a, double b, double tolerance) {
  return near(a, b, tolerance * std::max(1.0, std::abs(b)));
}

}  // namespace

TEST_CASE("Haug's book: values and Greeks") {
  shared_table("haug_values.csv", [](const row& r) {
    const terms t{side_of(r.text("type")), r["spot"], r["strike"], r["t"], r["r"], r["q"]};
    CHECK(near(value(bs, t, r["vol"]).price, r["value"], r["tol"]));
  });
  shared_table("haug_greeks.csv", [](const row& r) {
    const terms t{side_of(r.text("type")), r["spot"], r["strike"], r["t"], r["r"], r["q"]};
    const auto v = value(bs, t, r["vol"]);
    const auto greek = r.text("greek");
    double got = NAN;
    if (greek == "delta") got = v.delta;
    if (greek == "elasticity") got = v.delta * t.underlying / v.price;
    if (greek == "gamma") got = v.gamma;
    if (greek == "vega") got = v.vega * 100;
    if (greek == "theta") got = v.theta * 365;
    if (greek == "theta_per_day") got = v.theta;
    if (greek == "rho") got = v.rho * 100;
    if (greek == "dividend_rho") got = -t.years * v.delta * t.underlying;
    CHECK(near(got, r["value"], r["tol"]));
  });
}

TEST_CASE("OpenGamma Strata: Black 76 and Black-Scholes calls") {
  shared_table("strata_black76_calls.csv", [](const row& r) {
    const auto v = value(black, {side::call, r["forward"], r["strike"], r["t"], 0, 0}, r["vol"]);
    CHECK(near(v.price, r["undiscounted_call"], 1e-12 * r["undiscounted_call"]));
  });
  shared_table("strata_bs_calls.csv", [](const row& r) {
    const auto v =
        value(bs, {side::call, r["spot"], r["strike"], r["t"], r["r"], r["q"]}, r["vol"]);
    CHECK(relative(v.price, r["call"], 1e-10));
  });
}

TEST_CASE("vollib: both sides and all Greeks") {
  shared_table("vollib_bs.csv", [](const row& r) {
    for (const auto type : {side::call, side::put}) {
      const terms t{type, r["spot"], r["strike"], r["t"], r["r"], 0};
      const std::string p = type == side::call ? "call" : "put";
      const auto v = value(bs, t, r["vol"]);
      CHECK(near(v.price, r[p], 1e-6));
      CHECK(near(v.delta, r[p + "_delta"], 1e-6));
      CHECK(near(v.theta * 365, r[p + "_theta_annual"], 1e-6));
      CHECK(near(v.rho * 100, r[p + "_rho_per_1"], 1e-6));
      CHECK(near(v.gamma, r["gamma"], 1e-6));
      CHECK(near(v.vega * 100, r["vega_per_1"], 1e-6));
    }
  });
}

TEST_CASE("Jaeckel's own program: price, implied volatility, normal distribution") {
  shared_table("lets_be_rational.csv", [](const row& r) {
    CHECK(near(normal_cdf(r["z"]), r["norm_cdf_z"], 2e-16));
    const terms t{side_of(r.text("cp")), r["forward"], r["strike"], r["t"], 0, 0};
    const auto v = value(black, t, r["vol"]);
    CHECK(sane(v));
    CHECK(near(v.price, r["undiscounted_price"], 1e-14 * t.underlying));
    const double price = r["undiscounted_price"];
    const auto iv = implied_volatility(black, t, price);
    CHECK(std::isfinite(iv.volatility));
    const double inner = std::max(0.0, static_cast<double>(t.type) * (t.underlying - t.strike));
    if (t.years > 0 && price - inner > 1e-9 * price) {
      CHECK(iv.is == state::ok);
      CHECK(near(iv.volatility, r["vol"], 1e-9 * r["vol"]));
    }
    if (t.years == 0) CHECK(iv.is == state::expired);
  });
}

TEST_CASE("a NIFTY chain: implied volatility and Greeks of market prices") {
  shared_table("nifty_black76_openalgo.csv", [](const row& r) {
    const terms t{side_of(r.text("type")),   r["forward"],        r["strike"],
                  r["days_to_expiry"] / 365, r["rate_pct"] / 100, 0};
    const auto iv = implied_volatility(black, t, r["price"]);
    if (r.text("intrinsic_only") == "1") {
      CHECK((iv.is == state::below_intrinsic || iv.is == state::intrinsic));
      return;
    }
    CHECK(iv.is == state::ok);
    CHECK(near(iv.volatility * 100, r["iv_pct"], 0.01));
    const auto v = value(black, t, iv.volatility);
    CHECK(near(v.delta, r["delta"], 1e-4));
    CHECK(near(v.gamma, r["gamma"], 1e-6));
    CHECK(near(v.theta, r["theta_per_day"], 0.01));
    CHECK(near(v.vega, r["vega_per_pct"], 0.005));
    CHECK(near(v.rho, r["rho_per_pct"], 0.005));
  });
}

TEST_CASE("QuantLib's grid: five minutes to a year, and extremes") {
  shared_table("quantlib_grid.csv", [](const row& r) {
    const terms t{side_of(r.text("cp")), r["spot"], r["strike"], r["t"], r["r"], r["q"]};
    const auto v = value(bs, t, r["vol"]);
    CHECK(v.is == state::ok);
    CHECK(near(v.price, r["price"], 1e-8));
    CHECK(relative(v.delta, r["delta"], 1e-9));
    CHECK(relative(v.gamma, r["gamma"], 1e-9));
    CHECK(relative(v.vega * 100, r["vega_per_1"], 1e-9));
    CHECK(relative(v.theta * 365, r["theta_annual"], 1e-9));
    CHECK(relative(v.rho * 100, r["rho_per_1"], 1e-9));
  });
}

TEST_CASE("far out of the money: relative accuracy down to 1e-60, no nonsense below") {
  shared_table("mpmath_otm_black76.csv", [](const row& r) {
    const terms t{side_of(r.text("cp")), r["forward"], r["strike"], r["t"], 0, 0};
    const auto v = value(black, t, r["vol"]);
    const double price = r["undiscounted_price"];
    CHECK(sane(v));
    CHECK(v.price >= 0);
    if (price < 1e-60) return;
    const auto same = [](double a, double b) { return near(a, b, 1e-9 * std::abs(b)); };
    CHECK(same(v.price, price));
    CHECK(same(v.delta, r["forward_delta"]));
    CHECK(same(v.gamma, r["gamma"]));
    CHECK(same(v.vega * 100, r["vega_per_1"]));
    CHECK(same(v.theta * 365, r["driftless_theta_annual"]));
    const auto iv = implied_volatility(black, t, price);
    CHECK(iv.is == state::ok);
    // What half an ulp of the price is worth in volatility, and some rounding.
    CHECK(near(iv.volatility, r["vol"], 1e-13 * r["vol"] + 4e-16 * price / (100 * v.vega)));
  });
}

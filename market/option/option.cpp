#include "market/option/option.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "market/option/model.hpp"

namespace artham::market::option {

namespace {

using lanes = detail::term_lanes<double>;

lanes lanes_of(pricing model, const terms& t) {
  const double dividend = model == pricing::black76 ? t.rate : t.dividend;
  return {static_cast<double>(t.type), t.underlying, t.strike, t.years, t.rate, dividend};
}

detail::forward_lanes<double> forward_of(pricing model, const lanes& o) {
  return model == pricing::black76 ? detail::forward_of<double, true>(o)
                                   : detail::forward_of<double, false>(o);
}

/// b_max - b and b meet the wanted price where the objective switches; both are monotone in s.
struct objective {
  double residual;  ///< ln(b / wanted), or -ln of the same of what is lacking
  double spread;    ///< D / s of the logarithm that was used; negative for the lacking part
};

objective objective_at(double s, double x, double b, double lacking) {
  const double t = 0.5 * s;
  const double p = x / s;
  const double exponent = (p * p + t * t) * 0.5;
  if (detail::in_series(x, t) || p >= t) {
    const double d = detail::in_series(x, t)
                         ? detail::spread(p, t, x) * s
                         : detail::mills(std::max(p - t, 0.0)) - detail::mills(p + t);
    const double floor = std::max(d, 1e-300);
    return {
        detail::log_ratio(floor, 1.0) - detail::log_ratio(b * detail::root_two_pi, 1.0) - exponent,
        floor / s};
  }
  const double sum = detail::mills(t - p) + detail::mills(p + t);
  return {detail::log_ratio(sum, lacking * detail::root_two_pi) - exponent, -sum / s};
}

/// s for 0 < b < b_max = exp(-x / 2), x >= 0: Householder steps kept inside a bracket.
double solve_bracketed(double x, double b, double b_max) {
  const double lacking = b_max - b;
  // Beyond these p the price is no double, and the part that lacks to the bound less than an ulp.
  double low = x / 60;
  double high = 10 + std::sqrt(100 + 2 * x);
  const double inflection = std::sqrt(2 * x);
  const double y = std::max(0.5, -detail::log_ratio(b, std::max(x, b)));
  double s = b < 0.3 * b_max * std::min(1.0, x) ? x / std::sqrt(2 * y) : std::max(inflection, 1.0);
  s = std::clamp(s, std::max(low, 1e-40), high);
  for (int i = 0; i < 200; ++i) {
    const auto at = objective_at(s, x, b, lacking);
    const bool too_low = at.spread > 0 ? at.residual < 0 : at.residual > 0;
    (too_low ? low : high) = s;
    double next = s + s * detail::householder(at.residual, at.spread, x / s, 0.5 * s);
    if (std::abs(next - s) <= 4e-16 * s) return next;
    if (!(next > low && next < high)) {
      next = low > 0 ? std::sqrt(low) * std::sqrt(high) : 0.5 * high;
      if (std::abs(next - s) <= 4e-16 * s) return next;
    }
    s = next;
  }
  return s;
}

}  // namespace

std::string_view name(state s) {
  constexpr std::array<std::string_view, states> names = {
      "ok",    "intrinsic", "below_intrinsic", "no_quote",  "crossed",
      "stale", "expired",   "above_bound",     "bad_terms", "no_underlying"};
  return names[static_cast<std::size_t>(s)];
}

valuation value(pricing model, const terms& t, double volatility) {
  auto o = lanes_of(model, t);
  valuation v;
  if (!(volatility >= 0) || !std::isfinite(volatility)) return v;
  const bool expired = t.years <= 0 && std::isfinite(t.years);
  if (expired) o.years = 1;
  if (!detail::usable(o)) return v;
  if (expired) {
    v.price = std::max(0.0, o.type * (o.underlying - o.strike));
    v.is = state::expired;
    return v;
  }
  const double s = volatility * std::sqrt(o.years);
  if (s < 1e-50) {
    const auto f = forward_of(model, o);
    v.price = f.discount * std::max(0.0, o.type * (f.forward - o.strike));
    v.is = state::intrinsic;
    return v;
  }
  if (!detail::usable_deviation(s)) return v;
  const auto r = model == pricing::black76 ? detail::value_of<double, true>(o, volatility)
                                           : detail::value_of<double, false>(o, volatility);
  return {r.price, r.delta, r.gamma, r.theta, r.vega, r.rho, state::ok};
}

implied implied_volatility(pricing model, const terms& t, double price) {
  if (!std::isfinite(price)) return {0, state::no_quote};
  const auto o = lanes_of(model, t);
  if (t.years <= 0 && std::isfinite(t.years)) return {0, state::expired};
  if (!detail::usable(o)) return {};
  const auto r = model == pricing::black76 ? detail::solve<double, true>(o, price)
                                           : detail::solve<double, false>(o, price);
  if (r.ok) return {r.volatility, state::ok};

  const auto f = forward_of(model, o);
  const double out = detail::time_value(o, f, price);
  const double noise = detail::noise_of(o, f);
  if (out < -noise) return {0, state::below_intrinsic};
  const double b = out / f.scale;
  if (out <= noise || b < 1e-300) return {0, state::intrinsic};
  const double most = std::min(f.forward, o.strike);
  if (out >= most * (1 - 4.5e-16)) return {0, state::above_bound};
  const double s = solve_bracketed(std::abs(f.x), b, most / f.scale);
  if (s < 1e-50) return {0, state::intrinsic};
  return {s / std::sqrt(o.years), state::ok};
}

double parity_forward(double call, double put, double strike, double years, double rate) {
  return strike + (call - put) * detail::exponential(rate * years);
}

}  // namespace artham::market::option

#pragma once

#include "market/option/kernels.hpp"

/// The formulas, for one option or a vector of them. Notation: x = ln(F / K), s = sigma sqrt(T),
/// p = |x| / s, t = s / 2, m the Mills ratio. The out-of-the-money price over sqrt(F K) is
///   b = e(p, t) D,  D = m(p - t) - m(p + t),  e = exp(-(p^2 + t^2) / 2) / sqrt(2 pi),
/// and d ln b / ds = 1 / D.
namespace artham::market::option::detail {

/// `type` is +1 or -1. With black76 the dividend yield is the rate.
template <class V>
struct term_lanes {
  V type, underlying, strike, years, rate, dividend;
};

template <class V>
struct value_lanes {
  V price, delta, gamma, theta, vega, rho;
};

template <class V>
ARTHAM_LANES mask_of<V> within(V x, double low, double high) {
  return (x >= low) & (x <= high);
}

/// What the formulas hold for without overflow. False for NaN.
template <class V>
ARTHAM_LANES mask_of<V> usable(const term_lanes<V>& o) {
  const V discount = o.rate * o.years;
  const V yield = o.dividend * o.years;
  return within<V>(o.underlying, 1e-50, 1e50) & within<V>(o.strike, 1e-50, 1e50) &
         within<V>(o.years, 1e-50, 1e4) & within<V>(discount, -200, 200) &
         within<V>(yield, -200, 200) & within<V>(o.rate, -1e6, 1e6) &
         within<V>(o.dividend, -1e6, 1e6);
}

template <class V>
ARTHAM_LANES mask_of<V> usable_deviation(V s) {
  return within<V>(s, 1e-50, 1e3);
}

/// Where the series of `spread` holds to the last bits.
inline constexpr double most_half_deviation = 0.5;
inline constexpr double most_log_moneyness = 1.5;

template <class V>
ARTHAM_LANES mask_of<V> in_series(V x, V t) {
  return (t <= most_half_deviation) & (x <= most_log_moneyness);
}

/// The terms that leave the sum within 1e-17, and within 1e-18 where t is small, as most of a chain
/// is.
inline constexpr int long_series = 10;
inline constexpr int short_series = 6;
inline constexpr double short_half_deviation = 0.15;

/// D / (2 t) by the Taylor series of the Mills ratio around p: no difference of near numbers. x is
/// |ln(F / K)|. Its terms follow from m'' = p m' + m.
template <class V>
ARTHAM_LANES V spread(V p, V t, V x) {
  const V q = t * t;
  const V q2 = q * q;
  const V base = x * x * 0.25;
  const V first = mills_slope<V>(p);
  V before = first;
  V term = ((base + 3.0 * q) * before - q) * (1.0 / 6.0);
  V sum = term;
  const auto add_terms = [&](int from, int to) {
#pragma GCC unroll 8
    for (int k = from; k < to; ++k) {
      const double n = k;
      const V next = ((base + (4.0 * n + 3.0) * q) * term - q2 * before) *
                     (1.0 / ((2.0 * n + 2.0) * (2.0 * n + 3.0)));
      before = term;
      term = next;
      sum = sum + term;
    }
  };
  add_terms(1, short_series);
  const mask_of<V> is_short = t <= short_half_deviation;
  if (!all<V>(is_short)) {
    const V short_sum = sum;
    add_terms(short_series, long_series);
    sum = pick<V>(is_short, short_sum, sum);
  }
  return first + sum;
}

template <class V>
struct forward_lanes {
  V discount, forward, scale, x;  ///< scale = sqrt(F K), x = ln(F / K)
};

/// Of usable terms.
template <class V, bool Black76>
ARTHAM_LANES forward_lanes<V> forward_of(const term_lanes<V>& o) {
  forward_lanes<V> f;
  f.discount = exponential_within<V>(-(o.rate * o.years));
  f.forward = o.underlying;
  if constexpr (!Black76) f.forward *= exponential_within<V>((o.rate - o.dividend) * o.years);
  f.scale = root<V>(f.forward * o.strike);
  f.x = log_ratio<V>(f.forward, o.strike);
  return f;
}

/// Valuing goes in three steps, so that a batch can take each of them for several vectors: their
/// chains of operations are long, and only independent ones overlap.
template <class V>
struct placed_lanes {
  forward_lanes<V> f;
  V root_years, s, t, x, p;  ///< x = |ln(F / K)|
  V w;                       ///< sqrt(F K) e(p, t)
};

template <class V, bool Black76>
ARTHAM_LANES placed_lanes<V> place_of(const term_lanes<V>& o, V volatility) {
  placed_lanes<V> at;
  at.f = forward_of<V, Black76>(o);
  at.root_years = root<V>(o.years);
  at.s = volatility * at.root_years;
  at.t = at.s * 0.5;
  at.x = magnitude<V>(at.f.x);
  at.p = at.x / at.s;
  at.w = at.f.scale * exponential<V>((at.p * at.p + at.t * at.t) * -0.5) * inverse_root_two_pi;
  return at;
}

template <class V>
struct tail_lanes {
  V out_of_money;  ///< the out-of-the-money price, undiscounted
  V near, far;     ///< w m(|p - t|), w m(p + t)
};

template <class V>
ARTHAM_LANES tail_lanes<V> tails_of(const term_lanes<V>& o, const placed_lanes<V>& at) {
  const mask_of<V> below = at.p >= at.t;
  const V low = smaller<V>(at.f.forward, o.strike);
  const V zero = fill<V>(0.0);
  tail_lanes<V> r{zero, zero, at.w * mills<V>(at.p + at.t)};

  // In the series' range its price tells the nearer tail, too: the Mills ratio need not.
  const mask_of<V> series = in_series<V>(at.x, at.t);
  if (any<V>(series)) {
    r.out_of_money = smaller<V>(at.w * at.s * spread<V>(at.p, at.t, at.x), low);
    r.near = pick<V>(below, r.out_of_money + r.far, low - r.out_of_money - r.far);
  }
  if (!all<V>(series)) {
    const V near = at.w * mills<V>(magnitude<V>(at.p - at.t));
    const V direct = pick<V>(below, near - r.far, low - (near + r.far));
    r.out_of_money = pick<V>(series, r.out_of_money, smaller<V>(larger<V>(direct, zero), low));
    r.near = pick<V>(series, r.near, near);
  }
  return r;
}

template <class V, bool Black76>
ARTHAM_LANES value_lanes<V> finish(const term_lanes<V>& o, V volatility, const placed_lanes<V>& at,
                                   const tail_lanes<V>& tails) {
  // F Phi(type d1) and K Phi(type d2); d1 and d2 have the magnitudes |p - t| and p + t.
  const auto& f = at.f;
  const mask_of<V> under = f.x < 0.0;
  const V tail1 = pick<V>(under, tails.near, tails.far);
  const V tail2 = pick<V>(under, tails.far, tails.near);
  const V signed_p = pick<V>(under, -at.p, at.p);
  const V asset = pick<V>(o.type * (signed_p + at.t) < 0.0, tail1, f.forward - tail1);
  const V cash = pick<V>(o.type * (signed_p - at.t) < 0.0, tail2, o.strike - tail2);

  value_lanes<V> r;
  const V inner = o.type * (f.forward - o.strike);
  r.price = f.discount * pick<V>(inner > 0.0, inner + tails.out_of_money, tails.out_of_money);
  const V inverse = 1.0 / o.underlying;
  r.delta = o.type * (f.discount * asset * inverse);
  const V dw = f.discount * at.w;
  r.gamma = dw / at.s * inverse * inverse;
  r.vega = dw * at.root_years * 0.01;
  const V held = o.type * f.discount * (o.dividend * asset - o.rate * cash);
  r.theta = (held - dw * volatility / at.root_years * 0.5) * (1 / 365.0);
  if constexpr (Black76) {
    r.rho = -(o.years * r.price) * 0.01;
  } else {
    r.rho = o.type * o.years * f.discount * cash * 0.01;
  }
  return r;
}

template <class V, bool Black76>
ARTHAM_LANES value_lanes<V> value_of(const term_lanes<V>& o, V volatility) {
  const auto at = place_of<V, Black76>(o, volatility);
  return finish<V, Black76>(o, volatility, at, tails_of<V>(o, at));
}

/// The out-of-the-money price, undiscounted, that put-call parity makes of `price`.
template <class V>
ARTHAM_LANES V time_value(const term_lanes<V>& o, const forward_lanes<V>& f, V price) {
  const V inner = o.type * (f.forward - o.strike);
  const V whole = price / f.discount;
  return pick<V>(inner > 0.0, whole - inner, whole);
}

/// Below this a time value is rounding of an in-the-money price.
template <class V>
ARTHAM_LANES V noise_of(const term_lanes<V>& o, const forward_lanes<V>& f) {
  const V inner = o.type * (f.forward - o.strike);
  return pick<V>(inner > 0.0, larger<V>(f.forward, o.strike) * 8.9e-16, fill<V>(0.0));
}

/// The relative Householder step of third order on ln b (spread > 0) or on ln(b_max - b)
/// (spread < 0), from the residual ln(b / wanted); `spread` is D / s. Bounded.
template <class V>
ARTHAM_LANES V householder(V residual, V spread_over_s, V p, V t) {
  const V p2 = p * p;
  const V t2 = t * t;
  const V slope = 1.0 / spread_over_s;
  const V bend = p2 - t2;
  const V second = bend - slope;
  const V third = bend * bend - 3.0 * p2 - t2 - slope * (3.0 * bend - 2.0 * slope);
  const V newton = -(residual * spread_over_s);
  const V step =
      newton * (1.0 + 0.5 * second * newton) / (1.0 + newton * (second + third * newton / 6.0));
  // NOLINTNEXTLINE(misc-redundant-expression): false for NaN, where the higher terms overflow.
  const V finite = pick<V>(step == step, step, newton);
  return larger<V>(smaller<V>(finite, fill<V>(1.0)), fill<V>(-0.5));
}

template <class V>
struct solved_lanes {
  V volatility;
  mask_of<V> ok;
};

/// s of the normal model (Bachelier), to 1e-5, corrected towards the lognormal one.
template <class V>
ARTHAM_LANES V first_deviation(V x, V b, V y, V excess) {
  const V v = root<V>(1.0 + y);
  const V w = (v - 2.604290687140218) / (v + 2.604290687140218);
  const V ratio = pick<V>(excess < 1e-4, 1.0 + excess * 0.5, excess / y);
  const V x2 = x * x;
  const V sinh = 1.0 + x2 * (1.0 / 24) * (1.0 + x2 * (1.0 / 80) * (1.0 + x2 * (1.0 / 168)));
  const V n = smaller<V>(b * ratio * v / (polynomial<V>(guess_terms, w) * sinh), fill<V>(1.2));
  const V n2 = n * n;
  return n * (1.0 + n2 * (1.0 / 24 + n2 * (7.0 / 1920)));
}

/// Solves what the series covers; `ok` says which lanes that was.
template <class V, bool Black76>
ARTHAM_LANES solved_lanes<V> solve(const term_lanes<V>& o, V price) {
  const auto f = forward_of<V, Black76>(o);
  const V out = time_value<V>(o, f, price);
  const V x = magnitude<V>(f.x);
  const mask_of<V> inside = usable<V>(o) & (out > noise_of<V>(o, f)) & (x <= most_log_moneyness) &
                            (out < smaller<V>(f.forward, o.strike) * 0.9);
  const V b = pick<V>(inside, out / f.scale, fill<V>(0.01));
  const V excess = pick<V>(inside, magnitude<V>(f.forward - o.strike) / out, fill<V>(0.0));
  const mask_of<V> near = excess < 1e17;
  const V y = log_ratio<V>(1.0 + pick<V>(near, excess, fill<V>(0.0)), fill<V>(1.0));
  V s = first_deviation<V>(x, b, y, pick<V>(near, excess, fill<V>(0.0)));
  V step = fill<V>(1.0);
  for (int i = 0; i < 2; ++i) {
    const V t = s * 0.5;
    const V p = x / s;
    const V d = spread<V>(p, t, x);
    const V residual = log_ratio<V>(s * d, b * root_two_pi) - (p * p + t * t) * 0.5;
    step = householder<V>(residual, d, p, t);
    s = s + s * step;
  }
  const mask_of<V> ok =
      inside & near & (s <= 2.0 * most_half_deviation) & (s > 1e-50) & (magnitude<V>(step) < 1e-4);
  return {s / root<V>(o.years), ok};
}

}  // namespace artham::market::option::detail

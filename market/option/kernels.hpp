#pragma once

#include "market/option/lanes.hpp"

/// exp, log and the normal distribution out of plain IEEE operations (see lanes.hpp).
///
/// The polynomials of the Mills ratio m(p) = (1 - Phi(p)) / phi(p) and of its slope follow
/// M. M. Shepherd and J. G. Laframboise, "Chebyshev Approximation of (1 + 2x) exp(x^2) erfc x in
/// 0 <= x < infinity", Math. Comp. 36 (1981): one expansion in (p - c) / (p + c) for the whole half
/// axis. Their terms were computed for this file with 50 digits; so were those of the first guess.
namespace artham::market::option::detail {

inline constexpr double mills_terms[] = {
    1.1182870073488314,      -0.15756858540527083,   0.019593325733478984,
    0.065621342044048,       -0.09016871660457726,   0.07324303483655334,
    -0.04253419691776442,    0.01754080698611479,    -0.004311356727447534,
    -4.778578775779148e-05,  0.0004873376617262534,  -0.00013485620957560864,
    -2.8136460662891455e-05, 2.3346354340422428e-05, 1.611555559757649e-07,
    -3.399348634968401e-06,  2.8338671427697357e-07, 5.117618306266174e-07,
    -6.193177653947337e-08,  -8.059455627237252e-08, 9.17843982980128e-09,
    1.1424331366959675e-08,  -9.46717952082232e-10,  -9.876232057051924e-10,
    5.039994024695065e-11};
inline constexpr double mills_slope_terms[] = {
    1.22262219839632,        -0.25234641827450516,   -0.07775923500789844,
    0.24075492487898623,     -0.21059066051810796,   0.08510282738887048,
    0.02103093258898891,     -0.05802696975334998,   0.04370010450810688,
    -0.01731517566769242,    0.0017277691690088424,  0.0019196860848255592,
    -0.0008663145924804337,  -8.052764777421024e-05, 0.00015706242875944876,
    -1.1849214788533062e-05, -2.557447852139661e-05, 4.25645761860442e-06,
    4.41232691950263e-06,    -8.828352617604796e-07, -8.286047979939034e-07,
    1.454681437482771e-07,   1.558028088870003e-07,  -1.8238147494467882e-08,
    -2.4126790026481235e-08, 1.377439929545809e-09,  2.107683793932093e-09,
    -2.4365011000995662e-11};
inline constexpr double guess_terms[] = {
    0.9453152384172894, 1.2413152039004938, -0.7690319543801428, -1.7127641666463835,
    2.9685515923014054, 5.005370442591022,  -12.806873654503956, -16.034250446820668,
    37.746486771269076, 38.41382731461718,  -50.40082866060343,  -44.56223864665124};
inline constexpr double inverse_root_two_pi = 0.39894228040143268;
inline constexpr double root_two_pi = 2.5066282746310005;
inline constexpr double round_shift = 6755399441055744.0;  // 1.5 * 2^52

/// Every fourth term by itself: four short chains of operations instead of a long one.
template <class V, int N>
ARTHAM_LANES V polynomial(const double (&terms)[N], V x) {
  static_assert(N >= 4);
  const V x2 = x * x;
  const V x4 = x2 * x2;
  V part[4];
  for (int k = 0; k < 4; ++k) {
    int i = (N - 1 - k) / 4 * 4 + k;
    part[k] = fill<V>(terms[i]);
    for (i -= 4; i >= 0; i -= 4) part[k] = part[k] * x4 + terms[i];
  }
  return (part[0] + part[1] * x) + (part[2] + part[3] * x) * x2;
}

/// 2^e of a whole e within [-1022, 1023].
template <class V>
ARTHAM_LANES V power_of_two(V e) {
  return from_bits<V>((to_bits<V>(e + round_shift) + std::int64_t{1023}) << 52);
}

template <class V>
struct reduced_lanes {
  V power;  ///< e^r, |r| <= ln(2) / 2
  V k;      ///< e^x = 2^k e^r
};

template <class V>
ARTHAM_LANES reduced_lanes<V> reduced_exponential(V x) {
  constexpr double terms[] = {0.5,
                              0.16666666666666666,
                              0.041666666666666664,
                              0.008333333333333333,
                              0.001388888888888889,
                              0.0001984126984126984,
                              2.48015873015873e-05,
                              2.7557319223985893e-06,
                              2.755731922398589e-07,
                              2.505210838544172e-08,
                              2.08767569878681e-09,
                              1.6059043836821613e-10};
  const V k = (x * 1.4426950408889634 + round_shift) - round_shift;
  const V r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
  return {1.0 + (r + r * r * polynomial<V>(terms, r)), k};
}

/// e^x for x <= 700, to 1 ulp where the result is normal; beyond that range as at its end.
template <class V>
ARTHAM_LANES V exponential(V x) {
  const auto e = reduced_exponential<V>(smaller<V>(larger<V>(x, fill<V>(-800.0)), fill<V>(700.0)));
  // Two factors of two, as the first alone could not reach the subnormal numbers.
  const V half = (e.k * 0.5 + round_shift) - round_shift;
  return e.power * power_of_two<V>(half) * power_of_two<V>(e.k - half);
}

/// The same for |x| <= 700; whatever beyond.
template <class V>
ARTHAM_LANES V exponential_within(V x) {
  const auto e = reduced_exponential<V>(x);
  return e.power * power_of_two<V>(e.k);
}

/// ln(a / b) for normal positive a, b and quotient, to 1 ulp; exact differences keep it so near 1.
template <class V>
ARTHAM_LANES V log_ratio(V a, V b) {
  constexpr double terms[] = {0.6666666666666666,  0.4,
                              0.2857142857142857,  0.2222222222222222,
                              0.18181818181818182, 0.15384615384615385,
                              0.13333333333333333, 0.11764705882352941,
                              0.10526315789473684, 0.09523809523809523,
                              0.08695652173913043};
  // As numbers, the bits of a double are nearly a logarithm: their difference, rounded, is an
  // exponent that leaves a quotient within [2/3, 3/2], where a - b is exact.
  const auto half = bits_of<V>{} - std::int64_t{0x0008000000000000};
  const auto exponent = difference<V>(difference<V>(to_bits<V>(a), to_bits<V>(b)), half) >> 52;
  const V e = from_bits<V>(exponent + to_bits<V>(fill<V>(round_shift))) - round_shift;
  const V scaled = from_bits<V>(difference<V>(to_bits<V>(a), exponent << 52));
  const V s = (scaled - b) / (scaled + b);
  const V s2 = s * s;
  return e * 0.693147180369123816490 +
         (2.0 * s + (s * s2 * polynomial<V>(terms, s2) + e * 1.90821492927058770002e-10));
}

/// (1 - Phi(p)) / phi(p), p >= 0.
template <class V>
ARTHAM_LANES V mills(V p) {
  return polynomial<V>(mills_terms, (p - 5.0) / (p + 5.0)) / (p + 0.8);
}

/// 1 - p m(p) = -m'(p), p >= 0, without the cancellation.
template <class V>
ARTHAM_LANES V mills_slope(V p) {
  return polynomial<V>(mills_slope_terms, (p - 5.0) / (p + 5.0)) / ((p + 1.6) * p + 1.0);
}

/// exp(-z^2/2) / sqrt(2 pi). The square is taken in two parts: its rounding would show in the tail.
template <class V>
ARTHAM_LANES V density(V z) {
  const V high = from_bits<V>(to_bits<V>(z) & ~std::int64_t{0x7ffffff});
  const V low = (z - high) * (z + high) * 0.5;
  return exponential<V>(high * high * -0.5) * (1.0 - low + low * low * 0.5) * inverse_root_two_pi;
}

/// Phi(-|z|), relatively accurate.
template <class V>
ARTHAM_LANES V tail(V z) {
  const V p = magnitude<V>(z);
  return density<V>(p) * mills<V>(p);
}

}  // namespace artham::market::option::detail

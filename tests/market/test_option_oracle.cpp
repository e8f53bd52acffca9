#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <ql/pricingengines/blackcalculator.hpp>
#include <ql/pricingengines/blackformula.hpp>
#include <random>
#include <vector>

#include "market/option/batch.hpp"
#include "option_support.hpp"

// QuantLib's Black formulas on random options: an oracle that shares no line with ours.

using namespace option_test;  // NOLINT(google-build-using-namespace)

namespace {

constexpr double ulp = 2.3e-16;
constexpr double second_of_year = 1 / (365.0 * 86'400);

std::size_t setting(const char* name, std::size_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct sample {
  pricing model;
  terms option;
  double volatility;

  double forward, discount, deviation, x, d1;  ///< x = ln(forward / strike)
};

class source {
 public:
  explicit source(std::uint64_t seed) : engine_(seed) {}

  double between(double low, double high) {
    return low + (high - low) * (static_cast<double>(engine_() >> 11U) * 0x1p-53);
  }
  double spread(double low, double high) {
    return std::exp(between(std::log(low), std::log(high)));
  }
  bool one_in(unsigned n) { return engine_() % n == 0; }
  template <class T>
  T of(std::initializer_list<T> all) {
    return all.begin()[engine_() % all.size()];
  }

  /// One second to ten years, 0.01 % to 500 %, ten deviations each way; ends and zeros are dense.
  sample any() {
    sample s;
    s.model = of({pricing::black_scholes, pricing::black76});
    auto& t = s.option;
    t.type = of({side::call, side::put});
    t.years = one_in(10) ? of({second_of_year, 10.0, 1.0 / 365}) : spread(second_of_year, 10);
    s.volatility = one_in(10) ? of({1e-4, 5.0}) : one_in(2) ? spread(1e-4, 5) : between(0.05, 0.6);
    t.underlying = one_in(4) ? of({1.0, 100.0, 24'350.0}) : spread(1, 3e4);
    const double deviations = one_in(8) ? of({-10.0, 0.0, 10.0}) : between(-10, 10);
    const double x = deviations * s.volatility * std::sqrt(t.years);
    t.strike = t.underlying * std::exp(std::clamp(x, -60.0, 60.0));
    t.rate = one_in(4) ? 0 : between(-0.05, 0.15);
    t.dividend = one_in(4) ? 0 : between(-0.03, 0.1);
    const double carry = s.model == pricing::black76 ? 0 : t.rate - t.dividend;
    s.forward = t.underlying * std::exp(carry * t.years);
    s.discount = std::exp(-t.rate * t.years);
    s.deviation = s.volatility * std::sqrt(t.years);
    s.x = std::log(s.forward / t.strike);
    s.d1 = s.x / s.deviation + s.deviation / 2;
    return s;
  }

 private:
  std::mt19937_64 engine_;
};

QuantLib::Option::Type type_of(side s) {
  return s == side::call ? QuantLib::Option::Call : QuantLib::Option::Put;
}

/// In our units.
valuation quantlib(const sample& s) {
  const auto& t = s.option;
  const QuantLib::BlackCalculator c(type_of(t.type), t.strike, s.forward, s.deviation, s.discount);
  valuation v;
  v.price = c.value();
  v.delta = c.delta(t.underlying);
  v.gamma = c.gamma(t.underlying);
  v.theta = c.thetaPerDay(t.underlying, t.years);
  v.vega = c.vega(t.years) / 100;
  // Of black76 the forward is held, which QuantLib has no name for.
  v.rho = (s.model == pricing::black76 ? -t.years * c.value() : c.rho(t.years)) / 100;
  v.is = state::ok;
  return v;
}

/// The error of QuantLib's normal distribution: a difference to 1 until it is 1e-8, then an
/// asymptotic series.
double error_of_normal(double z) {
  if (z > -5.5) return ulp;
  return 0.5 * std::erfc(-z * M_SQRT1_2) * (3 * std::exp(-0.5 * z * z) + 4 * ulp * z * z);
}

/// What rounding does to QuantLib's numbers: F / K, of which it takes the logarithm, has it over
/// the deviation in d1 and d2, its theta takes the logarithm of the discount over the time, and its
/// rho is a difference of two large terms.
valuation blur(const sample& s, const valuation& v) {
  const auto& t = s.option;
  const double d2 = s.d1 - s.deviation;
  const double of_x = 4 * ulp * (1 + std::abs(s.x));
  const double of_d = (of_x + 4 * ulp * s.d1 * s.d1) / s.deviation + 4 * ulp * std::abs(s.d1);
  const double of_put = t.type == side::put ? ulp : 0;
  const double density = std::exp(-0.5 * s.d1 * s.d1) * 0.4;
  const double asset = s.forward * s.discount;
  const double cash = t.strike * s.discount;
  const double of_asset = asset * (error_of_normal(s.d1) + of_put);
  const double of_cash = cash * (error_of_normal(d2) + of_put);
  const double delta = t.underlying * std::abs(v.delta);
  valuation b;
  b.price = of_asset + of_cash + of_x * delta + 4 * ulp * (delta + v.price) +
            asset * density * 4 * ulp * (std::abs(s.d1) + std::abs(d2));
  b.delta = (of_asset + asset * density * of_d + 4 * ulp * delta) / t.underlying;
  b.gamma = v.gamma * std::abs(s.d1) * of_d;
  b.vega = v.vega * std::abs(s.d1) * of_d;
  b.rho = t.years * (of_asset + b.price + asset * density * of_d) / 100;
  b.theta = (4 * ulp * (v.price + delta) / t.years +
             asset * density * s.deviation / t.years * std::abs(s.d1) * of_d +
             std::abs(t.rate) * b.price +
             (std::abs(t.rate) + std::abs(t.dividend)) * b.delta * t.underlying) /
            365;
  return b;
}

struct field {
  const char* name;
  double valuation::*of;
};
constexpr field fields[] = {{"price", &valuation::price}, {"delta", &valuation::delta},
                            {"gamma", &valuation::gamma}, {"theta", &valuation::theta},
                            {"vega", &valuation::vega},   {"rho", &valuation::rho}};

std::string text_of(const sample& s) {
  char line[300];
  std::snprintf(line, sizeof line, "%s %s S=%.17g K=%.17g T=%.17g r=%.17g q=%.17g sigma=%.17g",
                s.model == pricing::black76 ? "black76" : "bs",
                s.option.type == side::call ? "call" : "put", s.option.underlying, s.option.strike,
                s.option.years, s.option.rate, s.option.dividend, s.volatility);
  return line;
}

std::vector<sample> samples() {
  const auto count = setting("ARTHAM_OPTION_COUNT", 2'000);
  source from(setting("ARTHAM_OPTION_SEED", 1));
  std::vector<sample> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.push_back(from.any());
  return all;
}

/// How far a price can tell a volatility: Jaeckel's (|b / (sigma b')| + 1) ulp, relative, b being
/// out of the money. In the money an ulp of the price, and of the bound that is taken away, counts.
double attainable(const sample& s, const valuation& v) {
  const double inner = static_cast<double>(s.option.type) * (s.forward - s.option.strike);
  const double most = std::max(s.forward, s.option.strike) * s.discount;
  const double seen = v.price + (inner > 0 ? 2 * most : 0.0);
  return ulp * (seen / (100 * v.vega * s.volatility) + 1);
}

bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

struct any_inputs {
  std::vector<double> type, underlying, strike, years, rate, dividend, given;

  void add(const terms& t, double x) {
    type.push_back(static_cast<double>(t.type));
    underlying.push_back(t.underlying);
    strike.push_back(t.strike);
    years.push_back(t.years);
    rate.push_back(t.rate);
    dividend.push_back(t.dividend);
    given.push_back(x);
  }
  [[nodiscard]] columns view() const { return {type, underlying, strike, years, rate, dividend}; }
  [[nodiscard]] terms at(std::size_t i) const {
    return {type[i] < 0 ? side::put : side::call,
            underlying[i],
            strike[i],
            years[i],
            rate[i],
            dividend[i]};
  }
  [[nodiscard]] std::size_t size() const { return given.size(); }
};

/// Scalar and batches on every instruction set; returns how many differ in a bit.
std::size_t differing_values(pricing model, const any_inputs& in) {
  std::size_t different = 0;
  for (const auto set : instruction_sets()) {
    std::vector<double> out[6];
    for (auto& column : out) column.resize(in.size());
    std::vector<state> is(in.size());
    value(model, in.view(), in.given, {out[0], out[1], out[2], out[3], out[4], out[5], is}, set);
    for (std::size_t i = 0; i < in.size(); ++i) {
      const auto v = value(model, in.at(i), in.given[i]);
      bool same = is[i] == v.is;
      for (std::size_t k = 0; k < std::size(fields); ++k)
        same = same && same_bits(out[k][i], v.*fields[k].of);
      if (!same) ++different;
    }
  }
  return different;
}

std::size_t differing_volatilities(pricing model, const any_inputs& in) {
  std::size_t different = 0;
  for (const auto set : instruction_sets()) {
    std::vector<double> out(in.size());
    std::vector<state> is(in.size());
    implied_volatility(model, in.view(), in.given, out, is, set);
    for (std::size_t i = 0; i < in.size(); ++i) {
      const auto r = implied_volatility(model, in.at(i), in.given[i]);
      if (!same_bits(out[i], r.volatility) || is[i] != r.is) ++different;
    }
  }
  return different;
}

bool a_state_of_ours(state s) {
  return s <= state::no_underlying;
}

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Terms at every end of their range, beyond it, and in it.
std::vector<terms> hostile_terms() {
  std::vector<terms> all;
  for (const double underlying : {24'350.0, 1e-50, 1e50, 1e-300, 1e300, 0.0, -1.0, infinite})
    for (const double moneyness : {1.0, 1 - 1e-15, 1 + 1e-12, 0.5, 3.0, 1e-12, 1e12, 0.0})
      for (const double years : {second_of_year, 1e-9 * second_of_year, 1.0, 1e4, 1e-50, 1e-320,
                                 0.0, -0.0, -1.0, infinite, not_a_number})
        for (const double rate : {0.0, -0.05, 0.1, 150.0, -1e7, not_a_number})
          for (const auto type : {side::call, side::put})
            all.push_back({type, underlying, underlying * moneyness, years, rate, 0.02});
  return all;
}

/// Prices at and about the bounds of no arbitrage, and far from any sense.
std::vector<double> hostile_prices(pricing model, const terms& t) {
  std::vector<double> all = {1e-300, 5e-324, 1e-310, 0.0,      -0.0,         -1e-300, -1.0,
                             1.0,    1e50,   1e300,  infinite, not_a_number, 2e-308};
  const double carry = model == pricing::black76 ? 0 : t.rate - t.dividend;
  const double discount = std::exp(-t.rate * t.years);
  const double asset = t.underlying * std::exp(carry * t.years) * discount;
  const double cash = t.strike * discount;
  for (const double at : {std::abs(asset - cash), asset, cash}) {
    for (const double to : {-infinite, infinite}) {
      const double one = std::nextafter(at, to);
      for (const double p :
           {at, one, std::nextafter(one, to), at * (to > 0 ? 1 + 1e-12 : 1 - 1e-12)})
        all.push_back(p);
    }
  }
  return all;
}

}  // namespace

TEST_CASE("price and Greeks are QuantLib's") {
  double worst = 0;
  std::size_t compared = 0;
  std::size_t blurred = 0;
  for (const auto& s : samples()) {
    const auto ours = value(s.model, s.option, s.volatility);
    const auto theirs = quantlib(s);
    const auto noise = blur(s, theirs);
    if (ours.is != state::ok) FAIL_CHECK(name(ours.is) << ": " << text_of(s));
    for (const auto& f : fields) {
      const double scale = std::max(1.0, std::abs(theirs.*f.of));
      const double apart = std::abs(ours.*f.of - theirs.*f.of);
      if (!(apart <= 1e-9 * scale + noise.*f.of)) {
        FAIL_CHECK(std::string(f.name) << " " << ours.*f.of << " not " << theirs.*f.of
                                       << ", apart by " << apart << ": " << text_of(s));
      }
      ++compared;
      // Where QuantLib's own rounding is no excuse.
      if (noise.*f.of > 1e-10 * scale) {
        ++blurred;
      } else {
        worst = std::max(worst, apart / scale);
      }
    }
  }
  MESSAGE(compared << " numbers, " << blurred
                   << " of them with a tolerance above 1.1e-9; the others"
                   << " are at most " << worst << " x max(1, value) apart");
  CHECK(blurred < compared / 10);
}

TEST_CASE("implied volatility comes back from our price and from QuantLib's") {
  double worst = 0;
  std::size_t told = 0;
  std::size_t told_by_theirs = 0;
  std::size_t solved_by_both = 0;
  const auto all = samples();
  for (const auto& s : all) {
    const auto v = value(s.model, s.option, s.volatility);
    const auto r = implied_volatility(s.model, s.option, v.price);
    if (!std::isfinite(r.volatility) || r.is == state::bad_terms ||
        (r.is != state::ok) != (r.volatility == 0))
      FAIL_CHECK(name(r.is) << " " << r.volatility << ": " << text_of(s));
    const double best = attainable(s, v);
    if (v.price < 1e-290 || !(best < 1e-4)) continue;
    ++told;
    const double off = std::abs(r.volatility - s.volatility) / (best * s.volatility);
    worst = std::max(worst, off);
    if (r.is != state::ok || !(off <= 6)) {
      FAIL_CHECK(name(r.is) << " " << r.volatility << ", off by " << off
                            << " times what is attainable: " << text_of(s));
    }

    // Theirs is a difference of two terms, each with its own rounding.
    const double price = quantlib(s).price;
    const double rounding = blur(s, v).price / (100 * v.vega * s.volatility) + 12 * best;
    if (!(rounding < 1e-4)) continue;
    ++told_by_theirs;
    const auto of_theirs = implied_volatility(s.model, s.option, price);
    if (of_theirs.is != state::ok ||
        !(std::abs(of_theirs.volatility - s.volatility) <= rounding * s.volatility)) {
      FAIL_CHECK(name(of_theirs.is) << " " << of_theirs.volatility << " of QuantLib's price "
                                    << price << ": " << text_of(s));
    }

    // Its solver gives up on some, by an exception or 0; where it does not, it finds ours.
    try {
      const double found =
          QuantLib::blackFormulaImpliedStdDev(type_of(s.option.type), s.option.strike, s.forward,
                                              price, s.discount, 0.0, s.deviation * 1.1, 1e-12) /
          std::sqrt(s.option.years);
      if (found == 0) continue;
      ++solved_by_both;
      const double allowed = 2e-11 / std::sqrt(s.option.years) + 4 * rounding * s.volatility;
      if (!(std::abs(found - of_theirs.volatility) <= allowed)) {
        FAIL_CHECK(of_theirs.volatility << " where QuantLib finds " << found << ": " << text_of(s));
      }
    } catch (const std::exception&) {
    }
  }
  MESSAGE(told << " of " << all.size() << " prices tell their volatility (" << told_by_theirs
               << " of QuantLib's, whose solver finds " << solved_by_both
               << "); ours is off by at most " << worst << " times what is attainable");
  CHECK(told > all.size() / 3);
  CHECK(told_by_theirs > all.size() / 4);
  CHECK(solved_by_both > told_by_theirs / 2);
}

TEST_CASE("at the ends of every range there is a state, and each number is finite") {
  std::size_t tried = 0;
  std::size_t wrong = 0;
  const auto check = [&](bool good, pricing model, const terms& t, double given, state is) {
    ++tried;
    if (good || ++wrong > 10) return;
    FAIL_CHECK(name(is) << std::string(model == pricing::black76 ? ": black76 " : ": bs ")
                        << static_cast<int>(t.type) << " S=" << t.underlying << " K=" << t.strike
                        << " T=" << t.years << " r=" << t.rate << " given " << given);
  };
  for (const auto model : {pricing::black_scholes, pricing::black76}) {
    any_inputs volatilities;
    any_inputs prices;
    for (const auto& t : hostile_terms()) {
      for (const double volatility : {1e-4, 0.2, 5.0, 0.0, -0.0, -0.2, 1e-300, 1e-40, 1e3, 1e40,
                                      1e300, infinite, not_a_number}) {
        const auto v = value(model, t, volatility);
        const bool greeks = v.is == state::ok;
        const bool known = greeks || v.is == state::expired || v.is == state::intrinsic ||
                           v.is == state::bad_terms;
        const bool none = v.delta == 0 && v.gamma == 0 && v.theta == 0 && v.vega == 0 && v.rho == 0;
        check(sane(v) && known && (greeks || none) && v.price >= 0, model, t, volatility, v.is);
        volatilities.add(t, volatility);
      }
      for (const double price : hostile_prices(model, t)) {
        const auto r = implied_volatility(model, t, price);
        const bool ok = r.is == state::ok;
        bool good = a_state_of_ours(r.is) && std::isfinite(r.volatility) &&
                    (ok ? r.volatility > 0 : r.volatility == 0);
        if (ok) good = good && sane(value(model, t, r.volatility));
        if (!std::isfinite(price)) good = good && r.is == state::no_quote;
        if (price < 0) good = good && !ok;
        check(good, model, t, price, r.is);
        prices.add(t, price);
      }
    }
    CHECK(differing_values(model, volatilities) == 0);
    CHECK(differing_volatilities(model, prices) == 0);
  }
  MESSAGE(tried << " tried");
  CHECK(wrong == 0);
}

TEST_CASE("batches have the scalar functions' bits on all of these") {
  const auto all = samples();
  for (const auto model : {pricing::black_scholes, pricing::black76}) {
    any_inputs volatilities;
    any_inputs prices;
    for (const auto& s : all) {
      volatilities.add(s.option, s.volatility);
      prices.add(s.option, value(s.model, s.option, s.volatility).price);
    }
    CHECK(differing_values(model, volatilities) == 0);
    CHECK(differing_volatilities(model, prices) == 0);
  }
}

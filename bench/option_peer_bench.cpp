#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <ql/pricingengines/blackcalculator.hpp>
#include <ql/pricingengines/blackformula.hpp>
#include <string>
#include <vector>

#include "option_market.hpp"

// The same options by artham and by QuantLib in one run: price with five Greeks, and implied
// volatility.

namespace {

using namespace artham::market::option;  // NOLINT(google-build-using-namespace)
using option_bench::median;
using option_bench::name_of;

constexpr std::size_t count = 20'000;
constexpr double accuracy = 1e-10;

using columns_of_values = std::vector<double>[6];

/// An option as QuantLib wants it.
struct inputs {
  QuantLib::Option::Type type;
  double strike, forward, deviation, discount;
};

/// Part of the work, as a feed has spot, rate and time.
inputs inputs_of(const option_bench::market& m, std::size_t i, double volatility) {
  return {m.type[i] < 0 ? QuantLib::Option::Put : QuantLib::Option::Call, m.strike[i],
          m.underlying[i] * std::exp((m.rate[i] - m.dividend[i]) * m.years[i]),
          volatility * std::sqrt(m.years[i]), std::exp(-m.rate[i] * m.years[i])};
}

void keep(const QuantLib::BlackCalculator& c, double spot, double years, columns_of_values& out,
          std::size_t i) {
  out[0][i] = c.value();
  out[1][i] = c.delta(spot);
  out[2][i] = c.gamma(spot);
  out[3][i] = c.thetaPerDay(spot, years);
  out[4][i] = c.vega(years) / 100;
  out[5][i] = c.rho(years) / 100;
}

/// One of QuantLib's ways from a price to a deviation.
struct way {
  std::string name;
  std::function<double(const inputs&, double price, double at_money)> deviation;
};

std::vector<way> ways() {
  using namespace QuantLib;  // NOLINT(google-build-using-namespace)
  const double none = Null<Real>();
  const auto newton = [](const inputs& o, double price, double guess) {
    return blackFormulaImpliedStdDev(o.type, o.strike, o.forward, price, o.discount, 0.0, guess,
                                     accuracy, 100);
  };
  const auto over_relaxed = [](const inputs& o, double price, double guess) {
    return blackFormulaImpliedStdDevLiRS(o.type, o.strike, o.forward, price, o.discount, 0.0, guess,
                                         1.0, accuracy, 100);
  };
  const auto rational = [](const inputs& o, double price) {
    return blackFormulaImpliedStdDevApproximationRS(o.type, o.strike, o.forward, price, o.discount);
  };
  const auto chambers = [](const inputs& o, double price, double at_money) {
    return blackFormulaImpliedStdDevChambers(o.type, o.strike, o.forward, price, at_money,
                                             o.discount);
  };
  return {
      {"Newton", [=](auto& o, double p, double) { return newton(o, p, none); }},
      {"Newton from RS", [=](auto& o, double p, double) { return newton(o, p, rational(o, p)); }},
      {"Newton from Chambers",
       [=](auto& o, double p, double m) { return newton(o, p, chambers(o, p, m)); }},
      {"LiRS", [=](auto& o, double p, double) { return over_relaxed(o, p, none); }},
      {"LiRS from RS",
       [=](auto& o, double p, double) { return over_relaxed(o, p, rational(o, p)); }},
      {"LiRS from Chambers",
       [=](auto& o, double p, double m) { return over_relaxed(o, p, chambers(o, p, m)); }},
  };
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

void print(const char* what, const char* how, double seconds, double peer) {
  std::printf("%-18s %-28s %7.2f M/s  %5.1f x QuantLib\n", what, how, count / seconds / 1e6,
              peer / seconds);
}

void values(const option_bench::market& m) {
  const char* const what = "price + 5 Greeks";
  columns_of_values ours;
  columns_of_values theirs;
  for (auto* columns : {&ours, &theirs})
    for (auto& column : *columns) column.resize(count);
  std::vector<state> is(count);

  std::vector<QuantLib::ext::shared_ptr<QuantLib::StrikedTypePayoff>> payoffs;
  for (std::size_t i = 0; i < count; ++i) {
    const auto o = inputs_of(m, i, 0);
    payoffs.push_back(QuantLib::ext::make_shared<QuantLib::PlainVanillaPayoff>(o.type, o.strike));
  }
  const double made = median([&] {
    for (std::size_t i = 0; i < count; ++i) {
      const auto o = inputs_of(m, i, m.volatility[i]);
      const QuantLib::BlackCalculator c(o.type, o.strike, o.forward, o.deviation, o.discount);
      keep(c, m.underlying[i], m.years[i], theirs, i);
    }
  });
  const double held = median([&] {
    for (std::size_t i = 0; i < count; ++i) {
      const auto o = inputs_of(m, i, m.volatility[i]);
      const QuantLib::BlackCalculator c(payoffs[i], o.forward, o.deviation, o.discount);
      keep(c, m.underlying[i], m.years[i], theirs, i);
    }
  });
  const double peer = std::min(made, held);
  print(what, "QuantLib", made, peer);
  print(what, "QuantLib, payoffs made before", held, peer);
  print(what, "artham scalar", median([&] {
          for (std::size_t i = 0; i < count; ++i) {
            const auto v = value(pricing::black_scholes, m.at(i), m.volatility[i]);
            ours[0][i] = v.price + v.delta + v.gamma + v.theta + v.vega + v.rho;
          }
        }),
        peer);
  for (const auto set : instruction_sets()) {
    print(what, (std::string("artham ") + name_of(set)).c_str(), median([&] {
            value(pricing::black_scholes, m.view(), m.volatility,
                  {ours[0], ours[1], ours[2], ours[3], ours[4], ours[5], is}, set);
          }),
          peer);
  }
  double worst = 0;
  for (std::size_t k = 0; k < 6; ++k)
    for (std::size_t i = 0; i < count; ++i)
      worst = std::max(worst,
                       std::abs(ours[k][i] - theirs[k][i]) / std::max(1.0, std::abs(theirs[k][i])));
  std::printf("%-18s largest deviation from QuantLib, of max(1, value): %.1e\n", what, worst);
}

void volatilities(const option_bench::market& m) {
  const char* const what = "implied volatility";
  std::vector<double> prices(count);
  std::vector<double> at_money(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto o = inputs_of(m, i, m.volatility[i]);
    prices[i] = QuantLib::blackFormula(o.type, o.strike, o.forward, o.deviation, o.discount);
    // Chambers and Nawalkha start from a quote at the money. A chain has one, of another
    // volatility: with the option's own it would tell the answer.
    const double other = 0.9 * o.deviation;
    at_money[i] = QuantLib::blackFormula(o.type, o.forward, o.forward, other, o.discount);
  }

  struct done {
    std::string name;
    double seconds, worst;
    std::size_t refused;
  };
  std::vector<done> all;
  std::vector<double> found(count);
  for (const auto& w : ways()) {
    std::size_t refused = 0;
    const double seconds = median([&] {
      refused = 0;
      for (std::size_t i = 0; i < count; ++i) {
        try {
          found[i] =
              w.deviation(inputs_of(m, i, 0), prices[i], at_money[i]) / std::sqrt(m.years[i]);
        } catch (const std::exception&) {
          found[i] = m.volatility[i];
          ++refused;
        }
      }
    });
    all.push_back({w.name, seconds, largest_difference(found, m.volatility), refused});
  }
  // One that refuses or misses what it was asked for is no peer.
  double peer = 1e9;
  for (const auto& d : all)
    if (d.refused == 0 && d.worst < 1e-8) peer = std::min(peer, d.seconds);
  for (const auto& d : all) {
    print(what, ("QuantLib " + d.name).c_str(), d.seconds, peer);
    std::printf("%-18s %-28s refuses %zu, of the others the largest error is %.1e\n", "", "",
                d.refused, d.worst);
  }

  std::vector<state> is(count);
  print(what, "artham scalar", median([&] {
          for (std::size_t i = 0; i < count; ++i)
            found[i] = implied_volatility(pricing::black_scholes, m.at(i), prices[i]).volatility;
        }),
        peer);
  for (const auto set : instruction_sets()) {
    print(what, (std::string("artham ") + name_of(set)).c_str(), median([&] {
            implied_volatility(pricing::black_scholes, m.view(), prices, found, is, set);
          }),
          peer);
  }
  std::printf("%-18s %-28s largest error %.1e\n", "", "", largest_difference(found, m.volatility));
}

}  // namespace

int main() {
  const auto m = option_bench::chains(count);
  values(m);
  volatilities(m);
}

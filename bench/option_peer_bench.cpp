#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <limits>
#include <ql/pricingengines/blackcalculator.hpp>
#include <ql/pricingengines/blackformula.hpp>
#include <string>
#include <vector>

#include "measure.hpp"
#include "option_market.hpp"

// The same options by artham and by QuantLib in one run: price with five Greeks, and implied
// volatility.

namespace {

using namespace artham::market::option;  // NOLINT(google-build-using-namespace)
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

struct contender {
  std::string name;
  bool is_peer;  ///< the fastest of these is what the others are measured by
  std::function<void()> work;
};

/// Prints rates, and for each the median of its rounds' ratios to the fastest peer.
void compete(const char* what, const std::vector<contender>& all) {
  std::vector<std::function<void()>> works;
  works.reserve(all.size());
  for (const auto& c : all) works.push_back(c.work);
  const auto seconds = option_bench::in_turns(works);
  std::size_t peer = 0;
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < all.size(); ++k) {
    const double typical = artham::bench::median(seconds[k]);
    if (!all[k].is_peer || typical >= best) continue;
    best = typical;
    peer = k;
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < seconds[k].size(); ++i)
      ratios.push_back(seconds[peer][i] / seconds[k][i]);
    std::printf("%-18s %-30s %7.2f M/s  %5.1f x QuantLib's fastest\n", what, all[k].name.c_str(),
                count / artham::bench::median(seconds[k]) / 1e6, artham::bench::median(ratios));
  }
}

void values(const option_bench::market& m) {
  columns_of_values ours;
  columns_of_values theirs;
  columns_of_values one_by_one;
  for (auto* columns : {&ours, &theirs, &one_by_one})
    for (auto& column : *columns) column.resize(count);
  std::vector<state> is(count);
  std::vector<QuantLib::ext::shared_ptr<QuantLib::StrikedTypePayoff>> payoffs;
  for (std::size_t i = 0; i < count; ++i) {
    const auto o = inputs_of(m, i, 0);
    payoffs.push_back(QuantLib::ext::make_shared<QuantLib::PlainVanillaPayoff>(o.type, o.strike));
  }

  std::vector<contender> all;
  all.push_back({"QuantLib BlackCalculator", true, [&] {
                   for (std::size_t i = 0; i < count; ++i) {
                     const auto o = inputs_of(m, i, m.volatility[i]);
                     const QuantLib::BlackCalculator c(o.type, o.strike, o.forward, o.deviation,
                                                       o.discount);
                     keep(c, m.underlying[i], m.years[i], theirs, i);
                   }
                 }});
  all.push_back({"QuantLib, payoffs made before", true, [&] {
                   for (std::size_t i = 0; i < count; ++i) {
                     const auto o = inputs_of(m, i, m.volatility[i]);
                     const QuantLib::BlackCalculator c(payoffs[i], o.forward, o.deviation,
                                                       o.discount);
                     keep(c, m.underlying[i], m.years[i], theirs, i);
                   }
                 }});
  all.push_back({"artham scalar", false, [&] {
                   for (std::size_t i = 0; i < count; ++i) {
                     const auto v = value(pricing::black_scholes, m.at(i), m.volatility[i]);
                     const double values[] = {v.price, v.delta, v.gamma, v.theta, v.vega, v.rho};
                     for (std::size_t k = 0; k < 6; ++k) one_by_one[k][i] = values[k];
                   }
                 }});
  for (const auto set : instruction_sets()) {
    all.push_back({std::string("artham ") + name_of(set), false, [&, set] {
                     value(pricing::black_scholes, m.view(), m.volatility,
                           {ours[0], ours[1], ours[2], ours[3], ours[4], ours[5], is}, set);
                   }});
  }
  compete("price + 5 Greeks", all);

  double worst = 0;
  for (std::size_t k = 0; k < 6; ++k) {
    for (std::size_t i = 0; i < count; ++i) {
      const double scale = std::max(1.0, std::abs(theirs[k][i]));
      worst = std::max(worst, std::abs(ours[k][i] - theirs[k][i]) / scale);
    }
  }
  std::printf("largest deviation from QuantLib: %.1e of max(1, value)\n\n", worst);
}

/// One of QuantLib's ways from a price to a deviation.
struct way {
  std::string name;
  std::function<double(const inputs&, double price, double at_money)> deviation;
  double worst = 0;
  std::size_t refused = 0;
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

void volatilities(const option_bench::market& m) {
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

  auto theirs = ways();
  std::vector<contender> all;
  all.reserve(2 * theirs.size());
  for (auto& w : theirs) {
    all.push_back({"QuantLib " + w.name, true, [&] {
                     w.worst = 0;
                     w.refused = 0;
                     for (std::size_t i = 0; i < count; ++i) {
                       try {
                         const double deviation =
                             w.deviation(inputs_of(m, i, 0), prices[i], at_money[i]);
                         const double found = deviation / std::sqrt(m.years[i]);
                         w.worst = std::max(w.worst, std::abs(found - m.volatility[i]));
                       } catch (const std::exception&) {
                         ++w.refused;
                       }
                     }
                   }});
  }
  std::vector<double> found(count);
  std::vector<state> is(count);
  all.push_back({"artham scalar", false, [&] {
                   for (std::size_t i = 0; i < count; ++i) {
                     const auto r = implied_volatility(pricing::black_scholes, m.at(i), prices[i]);
                     found[i] = r.volatility;
                   }
                 }});
  for (const auto set : instruction_sets()) {
    all.push_back({std::string("artham ") + name_of(set), false, [&, set] {
                     implied_volatility(pricing::black_scholes, m.view(), prices, found, is, set);
                   }});
  }
  compete("implied volatility", all);

  for (const auto& w : theirs) {
    std::printf("largest error of QuantLib %-21s %.1e, refused %zu\n", w.name.c_str(), w.worst,
                w.refused);
  }
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i)
    worst = std::max(worst, std::abs(found[i] - m.volatility[i]));
  std::printf("largest error of artham %.1e\n", worst);
}

}  // namespace

int main() {
  const auto m = option_bench::chains(count);
  values(m);
  volatilities(m);
}

#include "feed/synthetic/option_price.hpp"

#include <algorithm>
#include <cmath>

namespace artham::feed::synthetic {

namespace {

constexpr double least_volatility = 0.05;
constexpr double most_volatility = 1.5;
constexpr double seconds_a_year = 365.0 * 86'400;
constexpr double day_in_years = 1.0 / 365;
constexpr double paise = 100;
/// How much more the level of volatility wanders than a price: some 2.5 % of itself in a day, at
/// most by half.
constexpr double sway = 3e-6;

}  // namespace

double volatility_surface::at(std::int64_t second, double log_moneyness, double years) const {
  const auto level = shape_.level * (1 + sway * static_cast<double>(path_.at(second)));
  const auto m = log_moneyness / std::sqrt(std::max(years, day_in_years));
  return std::clamp(level + shape_.skew * m + shape_.curvature * m * m, least_volatility,
                    most_volatility);
}

true_option price_of(const contract& c, const volatility_surface& surface, std::int64_t level,
                     std::int64_t second) {
  true_option o;
  o.terms.type = c.type;
  o.terms.underlying = static_cast<double>(level) / paise;
  o.terms.strike = static_cast<double>(c.strike) / paise;
  o.terms.years = static_cast<double>(c.closes - second) / seconds_a_year;
  o.terms.rate = option_rate;
  // 2 (K - S) / (K + S) is ln(K / S) up to the third order, and the same on every machine.
  const auto log_strike =
      2 * (o.terms.strike - o.terms.underlying) / (o.terms.strike + o.terms.underlying);
  o.volatility = surface.at(second, log_strike - option_rate * o.terms.years, o.terms.years);
  o.price =
      market::option::value(market::option::pricing::black_scholes, o.terms, o.volatility).price;
  return o;
}

option_quote quote_around(const true_option& o, std::int64_t widens_by) {
  constexpr auto tick = option_chain::tick_size;
  constexpr std::int64_t widest = 40;
  const auto whole = static_cast<std::int64_t>(std::floor(o.price * paise));
  const auto spread = tick * std::min(1 + whole / widens_by, widest);
  const auto below = std::max<std::int64_t>(whole - (spread - tick) / 2, 0);
  const auto bid = below / tick * tick;
  return {bid, bid + spread};
}

}  // namespace artham::feed::synthetic

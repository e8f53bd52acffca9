#pragma once

#include <cstdint>

#include "feed/synthetic/option_chain.hpp"
#include "feed/synthetic/price_path.hpp"
#include "market/option/option.hpp"

namespace artham::feed::synthetic {

/// The continuous rate a year at which the synthetic market discounts; nothing pays a dividend.
inline constexpr double option_rate = 0.06;

/// What an option of the synthetic market is worth before rounding.
struct true_option {
  market::option::terms terms;  ///< for pricing::black_scholes: the underlying's level, rupees
  double volatility = 0;
  double price = 0;  ///< rupees
};

/// Volatility of an underlying's options as a smooth function of strike and time.
class volatility_surface {
 public:
  struct shape {
    double level = 0;  ///< at the money, on the average of times
    double skew = 0;
    double curvature = 0;
  };

  volatility_surface(std::uint64_t key, shape s) : path_(key), shape_(s) {}

  /// level(t) + skew m + curvature m^2 with m = ln(strike / forward) / sqrt(years), the years not
  /// below one day; kept in 5 to 150 %.
  [[nodiscard]] double at(std::int64_t second, double log_moneyness, double years) const;

 private:
  price_path path_;
  shape shape_;
};

/// An option at a second before its last session closes; `level` is the underlying's, in paise.
[[nodiscard]] true_option price_of(const contract& c, const volatility_surface& surface,
                                   std::int64_t level, std::int64_t second);

/// Best bid and offer in paise; a bid of 0 is none.
struct option_quote {
  std::int64_t bid = 0;
  std::int64_t ask = 0;
};

/// The quote around a true price: a tick wide, and another tick for each `widens_by` paise.
[[nodiscard]] option_quote quote_around(const true_option& o, std::int64_t widens_by);

}  // namespace artham::feed::synthetic

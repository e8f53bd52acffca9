#pragma once

#include <optional>
#include <vector>

#include "market/feature/chain_rules.hpp"
#include "market/feature/expiry_clock.hpp"
#include "market/feature/rows.hpp"
#include "market/quote.hpp"

namespace artham::market::feature {

/// The newest quote of an instrument in the present trading day.
struct held_quote {
  quote newest;
  bool seen = false;
  bool oi_seen = false;
  std::int64_t first_oi = 0;  ///< the day's first

  /// Takes a quote that is not older, in the order of ticks, than what is held. False: nothing
  /// changes.
  bool take(const quote& q);
};

/// What a quote says of the price, and why if it says nothing.
struct quoted_price {
  option::state is = option::state::no_quote;  ///< ok, no_quote, crossed or stale
  price px;
};
/// The mid where both sides are quoted and not crossed, else the last price.
[[nodiscard]] quoted_price price_of(const held_quote& h, timestamp t, duration stale);

/// A price of the underlying that is fresh.
struct underlying_price {
  forward_source source = forward_source::none;
  double px = 0;
  duration age = 0;
};

struct contract {
  std::uint32_t token = 0;
  option::side type = option::side::call;
  price strike;
  friend bool operator==(const contract&, const contract&) = default;
};

/// The options of one underlying and expiry. A function of its arguments but for buffers.
class chain {
 public:
  chain(chain_rules rules, calendar_ptr cal, date expiry);

  [[nodiscard]] date expiry() const { return expiry_; }
  [[nodiscard]] timestamp end() const { return clock_.end(); }
  [[nodiscard]] const chain_rules& rules() const { return rules_; }

  struct entry {
    contract what;
    const held_quote* quote = nullptr;
  };
  /// `entries` are sorted by strike, call before put, and have been seen. `outside` are the prices
  /// of future and spot that there are, in the order of the rules, with none where parity stands.
  [[nodiscard]] chain_row evaluate(timestamp t, const std::vector<entry>& entries,
                                   const std::vector<underlying_price>& outside);

 private:
  void read_quotes(timestamp t, const std::vector<entry>& entries, chain_row& out) const;
  void find_forward(const std::vector<underlying_price>& outside, chain_row& out) const;
  [[nodiscard]] underlying_price parity(const chain_row& out) const;
  void solve(double underlying, chain_row& out);
  void theorise(chain_row& out) const;
  /// What the model's options are on: the forward, or the spot that belongs to it.
  [[nodiscard]] double underlying_of(const chain_row& c) const;

  chain_rules rules_;
  date expiry_;
  expiry_clock clock_;
  /// Columns for the batch functions.
  std::vector<double> type_, underlying_, strike_, years_, rate_, dividend_, price_, volatility_;
  std::vector<double> value_, delta_, gamma_, theta_, vega_, rho_;
  std::vector<option::state> states_;
  std::vector<std::size_t> rows_;  ///< which row each column belongs to
};

}  // namespace artham::market::feature

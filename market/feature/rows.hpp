#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "market/feature/chain_rules.hpp"
#include "market/option/option.hpp"
#include "market/price.hpp"
#include "market/time.hpp"

/// What features say, as of one instant. A field is meaningful only where `fields` has its bit, and
/// zero elsewhere.
namespace artham::market::feature {

/// One option of a chain.
struct option_row {
  enum field : std::uint16_t {
    priced = 1,     ///< price
    bid_known = 2,  ///< bid
    ask_known = 4,  ///< ask
    traded = 8,     ///< last
    volume_known = 16,
    oi_known = 32,  ///< oi and oi_change
    valued = 64,    ///< iv and the Greeks: `is` is ok
    theory_known = 128,
    placed = 256,  ///< intrinsic and moneyness: there is a forward
  };
  std::uint32_t token = 0;
  option::side type = option::side::call;
  option::state is = option::state::no_quote;
  std::uint16_t fields = 0;
  price strike;
  price used;  ///< what the volatility was solved from: mid where quoted, else last
  price bid, ask, last;
  std::int64_t volume = 0;
  std::int64_t oi = 0;
  std::int64_t oi_change = 0;  ///< since the day's first tick
  duration age = 0;            ///< of the quote
  double iv = 0;
  double delta = 0, gamma = 0, theta = 0, vega = 0, rho = 0;  ///< units as in option::valuation
  double theory = 0;     ///< value at the volatility of the strike's out-of-the-money side, whose
                         ///< price it is or, by put-call parity, makes it
  double intrinsic = 0;  ///< what exercise would pay now, of the spot or forward of the model
  double moneyness = 0;  ///< ln(strike / forward)
  friend bool operator==(const option_row&, const option_row&) = default;
};

/// All options of one underlying and expiry, as of a clock mark or, live, of a tick.
struct chain_row {
  enum field : std::uint16_t {
    forward_known = 1,
    atm_known = 2,  ///< atm_strike
    atm_iv_known = 4,
    straddle_known = 8,
    wings_known = 16,  ///< risk_reversal and butterfly
    pcr_oi_known = 32,
    pcr_volume_known = 64,
    max_pain_known = 128,
    gex_known = 256,
    oi_known = 512,
    volume_known = 1024,
  };
  std::string underlying;
  date expiry;
  timestamp at = 0;
  option::state is = option::state::no_underlying;  ///< ok, expired or no_underlying
  forward_source source = forward_source::none;
  std::uint16_t fields = 0;
  duration age = 0;  ///< of the prices that the forward is from
  double years = 0;
  double forward = 0;
  price atm_strike;          ///< the strike nearest to the forward
  double atm_iv = 0;         ///< at the forward, between the strikes around it
  double straddle = 0;       ///< call and put at atm_strike
  double risk_reversal = 0;  ///< volatility of the 25-delta call less that of the put
  double butterfly = 0;      ///< mean of these two, less atm_iv
  double pcr_oi = 0;         ///< puts over calls
  double pcr_volume = 0;
  price max_pain;  ///< the strike at which all options together would pay least
  /// Change of the delta of all calls less that of all puts for a move of 1 %, times the price:
  /// gamma x OI x (the model's underlying)^2 / 100.
  double gex = 0;
  std::int64_t call_oi = 0, put_oi = 0;
  std::int64_t call_oi_change = 0, put_oi_change = 0;
  std::int64_t call_volume = 0, put_volume = 0;
  std::uint32_t valued = 0;         ///< options that are ok
  std::vector<option_row> options;  ///< by strike, call before put
  friend bool operator==(const chain_row&, const chain_row&) = default;
};

}  // namespace artham::market::feature

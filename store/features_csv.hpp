#pragma once

#include <string>
#include <string_view>

#include "market/feature/instrument_features.hpp"
#include "market/feature/rows.hpp"
#include "market/time.hpp"

/// Features as CSV: exact decimals, shortest round-trip numbers, empty where not known; times are
/// RFC 3339 at the offset that is given.
namespace artham::store {

inline constexpr std::string_view chains_csv_header =
    "time,underlying,expiry,state,forward_source,years,forward,atm_strike,atm_iv,straddle,"
    "risk_reversal,butterfly,pcr_oi,pcr_volume,max_pain,gex,call_oi,put_oi,call_oi_change,"
    "put_oi_change,call_volume,put_volume,options,valued\n";
inline constexpr std::string_view greeks_csv_header =
    "time,instrument_token,underlying,expiry,type,strike,state,price,bid,ask,last,volume,oi,"
    "oi_change,age_us,iv,delta,gamma,theta,vega,rho,theory,intrinsic,moneyness\n";
inline constexpr std::string_view features_csv_header =
    "time,instrument_token,last,price_change,volume_change,oi_change,spread,microprice,"
    "depth_imbalance,return,volatility\n";

void append_chain_csv(std::string& out, const market::feature::chain_row& c,
                      market::duration utc_offset);
/// All options of the chain.
void append_greeks_csv(std::string& out, const market::feature::chain_row& c,
                       market::duration utc_offset);
void append_feature_csv(std::string& out, const market::feature::instrument_row& r,
                        market::duration utc_offset);

}  // namespace artham::store

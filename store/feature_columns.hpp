#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "messages/record/feature_codec.hpp"

/// What the columns of features say, in every store: the order of the values, and which are NULL.
/// `In` gives the columns of a row one after the other (text, integer, small, real, time, position,
/// cause; NULL as 0), `Out` takes them (a value, or known(is, value)).
namespace artham::store {

/// Of chain_features, written by `put_chain_values`.
inline constexpr std::string_view chain_value_columns =
    "age, years, forward, atm_strike, atm_iv, straddle, risk_reversal, butterfly, pcr_oi, "
    "pcr_volume, max_pain, gex, call_oi, put_oi, call_oi_change, put_oi_change, call_volume, "
    "put_volume, valued";
/// Of option_greeks, written by `put_option_values`.
inline constexpr std::string_view option_value_columns =
    "price, bid, ask, last, volume, oi, oi_change, age, iv, delta, gamma, theta, vega, rho, "
    "theory, "
    "intrinsic, moneyness";
/// Of instrument_features, written by `put_instrument_values`.
inline constexpr std::string_view instrument_value_columns =
    "last, price_change, volume_change, oi_change, spread, microprice, depth_imbalance, "
    "rolling_return, volatility";

template <class Out>
void put_chain_values(Out& put, const market::feature::chain_row& c) {
  using row = market::feature::chain_row;
  const auto has = [&](row::field f) { return (c.fields & f) != 0; };
  put(c.age);
  put(c.years);
  put.known(has(row::forward_known), c.forward);
  put.known(has(row::atm_known), c.atm_strike.units);
  put.known(has(row::atm_iv_known), c.atm_iv);
  put.known(has(row::straddle_known), c.straddle);
  put.known(has(row::wings_known), c.risk_reversal);
  put.known(has(row::wings_known), c.butterfly);
  put.known(has(row::pcr_oi_known), c.pcr_oi);
  put.known(has(row::pcr_volume_known), c.pcr_volume);
  put.known(has(row::max_pain_known), c.max_pain.units);
  put.known(has(row::gex_known), c.gex);
  for (const auto v : {c.call_oi, c.put_oi, c.call_oi_change, c.put_oi_change})
    put.known(has(row::oi_known), v);
  for (const auto v : {c.call_volume, c.put_volume}) put.known(has(row::volume_known), v);
  put(std::int64_t{c.valued});
}

template <class Out>
void put_option_values(Out& put, const market::feature::option_row& o) {
  using row = market::feature::option_row;
  const auto has = [&](row::field f) { return (o.fields & f) != 0; };
  put.known(has(row::priced), o.used.units);
  put.known(has(row::bid_known), o.bid.units);
  put.known(has(row::ask_known), o.ask.units);
  put.known(has(row::traded), o.last.units);
  put.known(has(row::volume_known), o.volume);
  put.known(has(row::oi_known), o.oi);
  put.known(has(row::oi_known), o.oi_change);
  put(o.age);
  for (const double v : {o.iv, o.delta, o.gamma, o.theta, o.vega, o.rho})
    put.known(has(row::valued), v);
  put.known(has(row::theory_known), o.theory);
  put.known(has(row::placed), o.intrinsic);
  put.known(has(row::placed), o.moneyness);
}

template <class Out>
void put_instrument_values(Out& put, const market::feature::instrument_row& r) {
  using row = market::feature::instrument_row;
  put(r.last.units);
  put.known(r.has(row::price_change_known), r.price_change.units);
  put.known(r.has(row::volume_change_known), r.volume_change);
  put.known(r.has(row::oi_change_known), r.oi_change);
  put.known(r.has(row::spread_known), r.spread.units);
  put.known(r.has(row::microprice_known), r.microprice.units);
  put.known(r.has(row::imbalance_known), r.depth_imbalance);
  put.known(r.has(row::return_known), r.rolling_return);
  put.known(r.has(row::volatility_known), r.volatility);
}

[[nodiscard]] inline market::option::state option_state_of(std::string_view name) {
  using market::option::state;
  for (int i = 0; i < static_cast<int>(state::no_underlying); ++i) {
    if (market::option::name(static_cast<state>(i)) == name) return static_cast<state>(i);
  }
  return state::no_underlying;
}

[[nodiscard]] inline market::feature::forward_source forward_source_of(std::string_view name) {
  using market::feature::forward_source;
  for (const auto s : {forward_source::parity, forward_source::future, forward_source::spot}) {
    if (market::feature::name(s) == name) return s;
  }
  return forward_source::none;
}

/// underlying, expiry (days), at_ts, state, forward_source, fields, the values, the cause. The
/// chain comes without its options.
template <class In>
[[nodiscard]] record::feature_record take_chain(In& in) {
  market::feature::chain_row c;
  c.underlying = in.text();
  c.expiry.days = static_cast<std::int32_t>(in.integer());
  c.at = in.time();
  c.is = option_state_of(in.text());
  c.source = forward_source_of(in.text());
  c.fields = static_cast<std::uint16_t>(in.integer());
  c.age = in.integer();
  c.years = in.real();
  c.forward = in.real();
  c.atm_strike.units = in.integer();
  for (auto* v : {&c.atm_iv, &c.straddle, &c.risk_reversal, &c.butterfly, &c.pcr_oi, &c.pcr_volume})
    *v = in.real();
  c.max_pain.units = in.integer();
  c.gex = in.real();
  for (auto* v : {&c.call_oi, &c.put_oi, &c.call_oi_change, &c.put_oi_change, &c.call_volume,
                  &c.put_volume}) {
    *v = in.integer();
  }
  c.valued = in.small();
  const auto cause = in.cause();
  return {cause, std::move(c)};
}

/// instrument_token, type, strike, state, fields, the values.
template <class In>
[[nodiscard]] market::feature::option_row take_option(In& in) {
  market::feature::option_row o;
  o.token = in.small();
  o.type = in.text() == "CE" ? market::option::side::call : market::option::side::put;
  o.strike.units = in.integer();
  o.is = option_state_of(in.text());
  o.fields = static_cast<std::uint16_t>(in.integer());
  for (auto* p : {&o.used, &o.bid, &o.ask, &o.last}) p->units = in.integer();
  o.volume = in.integer();
  o.oi = in.integer();
  o.oi_change = in.integer();
  o.age = in.integer();
  for (auto* v : {&o.iv, &o.delta, &o.gamma, &o.theta, &o.vega, &o.rho, &o.theory, &o.intrinsic,
                  &o.moneyness}) {
    *v = in.real();
  }
  return o;
}

/// at_ts, instrument_token, fields, the values, quote_epoch, quote_seq, the cause.
template <class In>
[[nodiscard]] record::feature_record take_instrument_feature(In& in) {
  market::feature::instrument_row r;
  r.mark = in.time();
  r.token = in.small();
  r.fields = static_cast<std::uint16_t>(in.integer());
  r.last.units = in.integer();
  r.price_change.units = in.integer();
  r.volume_change = in.integer();
  r.oi_change = in.integer();
  r.spread.units = in.integer();
  r.microprice.units = in.integer();
  r.depth_imbalance = in.real();
  r.rolling_return = in.real();
  r.volatility = in.real();
  r.cause = in.position();
  const auto cause = in.cause();
  return {cause, r};
}

}  // namespace artham::store

#include "messages/protocol/feature_json.hpp"

#include <array>

#include "messages/protocol/json.hpp"
#include "messages/protocol/json_text.hpp"

namespace artham::protocol {

using market::microsecond;
using market::feature::chain_row;
using market::feature::instrument_row;
using market::feature::option_row;

namespace {

/// Room for the members of an option: names, and numbers of any length.
constexpr std::size_t option_room = 1'024;
static_assert(24 * (number_text_max + 16) < option_room);

void append_option_members(std::string& out, const option_row& o) {
  std::array<char, option_room> room;
  member_writer w(room.data());
  const auto has = [&](option_row::field f) { return (o.fields & f) != 0; };
  w.put("\"token\":", std::int64_t{o.token});
  w.put_name(",\"type\":", o.type == market::option::side::call ? "CE" : "PE");
  w.put(",\"strike\":", o.strike);
  w.put_name(",\"state\":", market::option::name(o.is));
  if (has(option_row::priced)) w.put(",\"price\":", o.used);
  if (has(option_row::bid_known)) w.put(",\"bid\":", o.bid);
  if (has(option_row::ask_known)) w.put(",\"ask\":", o.ask);
  if (has(option_row::traded)) w.put(",\"last\":", o.last);
  if (has(option_row::volume_known)) w.put(",\"volume\":", o.volume);
  if (has(option_row::oi_known)) {
    w.put(",\"oi\":", o.oi);
    w.put(",\"oi_change\":", o.oi_change);
  }
  w.put(",\"age\":", o.age / microsecond);
  if (has(option_row::valued)) {
    w.put(",\"iv\":", o.iv);
    w.put(",\"delta\":", o.delta);
    w.put(",\"gamma\":", o.gamma);
    w.put(",\"theta\":", o.theta);
    w.put(",\"vega\":", o.vega);
    w.put(",\"rho\":", o.rho);
  }
  if (has(option_row::theory_known)) w.put(",\"theory\":", o.theory);
  if (has(option_row::placed)) {
    w.put(",\"intrinsic\":", o.intrinsic);
    w.put(",\"moneyness\":", o.moneyness);
  }
  out.append(room.data(), w.end());
}

void append_instant(std::string& out, const chain_row& c) {
  out += "\"underlying\":";
  append_text(out, c.underlying);
  put_name(out, ",\"expiry\":", market::to_string(c.expiry));
  put(out, ",\"t\":", c.at / microsecond);
}

}  // namespace

void append_option(std::string& out, const option_row& o) {
  out += '{';
  append_option_members(out, o);
  out += '}';
}

void append_greeks(std::string& out, const chain_row& c, const option_row& o, bool final) {
  out += '{';
  append_instant(out, c);
  if ((c.fields & chain_row::forward_known) != 0) put(out, ",\"forward\":", c.forward);
  out += final ? ",\"final\":true," : ",\"final\":false,";
  append_option_members(out, o);
  out += '}';
}

void append_chain(std::string& out, const chain_row& c, bool final) {
  const auto has = [&](chain_row::field f) { return (c.fields & f) != 0; };
  out += '{';
  append_instant(out, c);
  put_name(out, ",\"state\":", market::option::name(c.is));
  put(out, ",\"years\":", c.years);
  if (has(chain_row::forward_known)) {
    put(out, ",\"forward\":", c.forward);
    put_name(out, ",\"source\":", market::feature::name(c.source));
    put(out, ",\"age\":", c.age / microsecond);
  }
  if (has(chain_row::atm_known)) put(out, ",\"atm_strike\":", c.atm_strike);
  if (has(chain_row::atm_iv_known)) put(out, ",\"atm_iv\":", c.atm_iv);
  if (has(chain_row::straddle_known)) put(out, ",\"straddle\":", c.straddle);
  if (has(chain_row::wings_known)) {
    put(out, ",\"risk_reversal\":", c.risk_reversal);
    put(out, ",\"butterfly\":", c.butterfly);
  }
  if (has(chain_row::pcr_oi_known)) put(out, ",\"pcr_oi\":", c.pcr_oi);
  if (has(chain_row::pcr_volume_known)) put(out, ",\"pcr_volume\":", c.pcr_volume);
  if (has(chain_row::max_pain_known)) put(out, ",\"max_pain\":", c.max_pain);
  if (has(chain_row::gex_known)) put(out, ",\"gex\":", c.gex);
  if (has(chain_row::oi_known)) {
    put(out, ",\"call_oi\":", c.call_oi);
    put(out, ",\"put_oi\":", c.put_oi);
    put(out, ",\"call_oi_change\":", c.call_oi_change);
    put(out, ",\"put_oi_change\":", c.put_oi_change);
  }
  if (has(chain_row::volume_known)) {
    put(out, ",\"call_volume\":", c.call_volume);
    put(out, ",\"put_volume\":", c.put_volume);
  }
  put(out, ",\"valued\":", std::int64_t{c.valued});
  out += final ? ",\"final\":true,\"options\":[" : ",\"final\":false,\"options\":[";
  for (std::size_t i = 0; i < c.options.size(); ++i) {
    if (i != 0) out += ',';
    append_option(out, c.options[i]);
  }
  out += "]}";
}

void append_instrument_feature(std::string& out, const instrument_row& r) {
  put(out, "{\"t\":", r.mark / microsecond);
  put(out, ",\"last\":", r.last);
  if (r.has(instrument_row::price_change_known)) put(out, ",\"price_change\":", r.price_change);
  if (r.has(instrument_row::volume_change_known)) put(out, ",\"volume_change\":", r.volume_change);
  if (r.has(instrument_row::oi_change_known)) put(out, ",\"oi_change\":", r.oi_change);
  if (r.has(instrument_row::spread_known)) put(out, ",\"spread\":", r.spread);
  if (r.has(instrument_row::microprice_known)) put(out, ",\"microprice\":", r.microprice);
  if (r.has(instrument_row::imbalance_known)) put(out, ",\"depth_imbalance\":", r.depth_imbalance);
  if (r.has(instrument_row::return_known)) put(out, ",\"return\":", r.rolling_return);
  if (r.has(instrument_row::volatility_known)) put(out, ",\"volatility\":", r.volatility);
  out += '}';
}

}  // namespace artham::protocol

#include "store/features_csv.hpp"

#include <charconv>
#include <cstdint>

#include "market/price.hpp"

namespace artham::store {

using market::feature::chain_row;
using market::feature::instrument_row;
using market::feature::option_row;

namespace {

void put(std::string& out, std::int64_t v) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, v).ptr);
}
void put(std::string& out, double v) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, v).ptr);
}
void put(std::string& out, market::price p) {
  char text[market::price_text_max];
  out.append(text, market::write_price(text, p));
}
void put(std::string& out, std::string_view text) {
  out += text;
}

/// A column, empty unless it is known.
template <class T>
void column(std::string& out, bool known, T v) {
  out += ',';
  if (known) put(out, v);
}

}  // namespace

void append_chain_csv(std::string& out, const chain_row& c, market::duration utc_offset) {
  const auto has = [&](chain_row::field f) { return (c.fields & f) != 0; };
  out += market::to_rfc3339(c.at, utc_offset);
  column(out, true, std::string_view(c.underlying));
  column(out, true, std::string_view(market::to_string(c.expiry)));
  column(out, true, market::option::name(c.is));
  column(out, true, market::feature::name(c.source));
  column(out, true, c.years);
  column(out, has(chain_row::forward_known), c.forward);
  column(out, has(chain_row::atm_known), c.atm_strike);
  column(out, has(chain_row::atm_iv_known), c.atm_iv);
  column(out, has(chain_row::straddle_known), c.straddle);
  column(out, has(chain_row::wings_known), c.risk_reversal);
  column(out, has(chain_row::wings_known), c.butterfly);
  column(out, has(chain_row::pcr_oi_known), c.pcr_oi);
  column(out, has(chain_row::pcr_volume_known), c.pcr_volume);
  column(out, has(chain_row::max_pain_known), c.max_pain);
  column(out, has(chain_row::gex_known), c.gex);
  for (const auto v : {c.call_oi, c.put_oi, c.call_oi_change, c.put_oi_change})
    column(out, has(chain_row::oi_known), v);
  for (const auto v : {c.call_volume, c.put_volume}) column(out, has(chain_row::volume_known), v);
  column(out, true, static_cast<std::int64_t>(c.options.size()));
  column(out, true, std::int64_t{c.valued});
  out += '\n';
}

void append_greeks_csv(std::string& out, const chain_row& c, market::duration utc_offset) {
  const auto time = market::to_rfc3339(c.at, utc_offset);
  const auto expiry = market::to_string(c.expiry);
  for (const auto& o : c.options) {
    const auto has = [&](option_row::field f) { return (o.fields & f) != 0; };
    out += time;
    column(out, true, std::int64_t{o.token});
    column(out, true, std::string_view(c.underlying));
    column(out, true, std::string_view(expiry));
    column(out, true, std::string_view(o.type == market::option::side::call ? "CE" : "PE"));
    column(out, true, o.strike);
    column(out, true, market::option::name(o.is));
    column(out, has(option_row::priced), o.used);
    column(out, has(option_row::bid_known), o.bid);
    column(out, has(option_row::ask_known), o.ask);
    column(out, has(option_row::traded), o.last);
    column(out, has(option_row::volume_known), o.volume);
    column(out, has(option_row::oi_known), o.oi);
    column(out, has(option_row::oi_known), o.oi_change);
    column(out, true, o.age / market::microsecond);
    for (const double v : {o.iv, o.delta, o.gamma, o.theta, o.vega, o.rho})
      column(out, has(option_row::valued), v);
    column(out, has(option_row::theory_known), o.theory);
    column(out, has(option_row::placed), o.intrinsic);
    column(out, has(option_row::placed), o.moneyness);
    out += '\n';
  }
}

void append_feature_csv(std::string& out, const instrument_row& r, market::duration utc_offset) {
  out += market::to_rfc3339(r.mark, utc_offset);
  column(out, true, std::int64_t{r.token});
  column(out, true, r.last);
  column(out, r.has(instrument_row::price_change_known), r.price_change);
  column(out, r.has(instrument_row::volume_change_known), r.volume_change);
  column(out, r.has(instrument_row::oi_change_known), r.oi_change);
  column(out, r.has(instrument_row::spread_known), r.spread);
  column(out, r.has(instrument_row::microprice_known), r.microprice);
  column(out, r.has(instrument_row::imbalance_known), r.depth_imbalance);
  column(out, r.has(instrument_row::return_known), r.rolling_return);
  column(out, r.has(instrument_row::volatility_known), r.volatility);
  out += '\n';
}

}  // namespace artham::store

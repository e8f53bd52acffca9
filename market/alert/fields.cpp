#include "market/alert/fields.hpp"

#include <algorithm>
#include <utility>

namespace artham::market::alert {

namespace {

using std::string_view;

constexpr string_view tick_fields[] = {
    "last_price",   "last_quantity", "average_price", "volume", "buy_quantity", "sell_quantity",
    "open",         "high",          "low",           "close",  "change",       "change_percent",
    "oi",           "oi_day_high",   "oi_day_low",    "bid",    "ask",          "bid_quantity",
    "ask_quantity", "spread"};
constexpr string_view bar_fields[] = {"open",   "high",  "low",       "close",
                                      "volume", "oi",    "oi_change", "vwap",
                                      "ticks",  "range", "change",    "change_percent"};
constexpr string_view greeks_fields[] = {
    "price", "bid",   "ask",   "last", "volume", "oi",     "oi_change", "iv",
    "delta", "gamma", "theta", "vega", "rho",    "theory", "intrinsic", "moneyness"};
constexpr string_view chain_fields[] = {
    "forward",        "atm_strike",    "atm_iv",      "straddle",  "risk_reversal", "butterfly",
    "pcr_oi",         "pcr_volume",    "max_pain",    "gex",       "call_oi",       "put_oi",
    "call_oi_change", "put_oi_change", "call_volume", "put_volume"};
constexpr string_view gap_fields[] = {"over", "seconds"};

static_assert(std::size(tick_fields) <= max_fields);

/// Takes values in the order of the subject's fields.
class filler {
 public:
  void put(number n) { all_[at_++] = n; }
  void put(std::optional<number> n) { all_[at_++] = n; }
  void put(bool known, number n) { all_[at_++] = known ? std::optional(n) : std::nullopt; }
  void put(bool known, std::optional<number> n) { all_[at_++] = known ? n : std::nullopt; }
  [[nodiscard]] values done() const { return all_; }

 private:
  values all_;
  std::size_t at_ = 0;
};

price difference(price a, price b) {
  return {a.units - b.units};
}

}  // namespace

string_view to_string(subject s) {
  switch (s) {
    case subject::tick:
      return "tick";
    case subject::bar:
      return "bar";
    case subject::greeks:
      return "greeks";
    case subject::chain:
      return "chain";
    default:
      return "gap";
  }
}

std::span<const string_view> fields_of(subject s) {
  switch (s) {
    case subject::tick:
      return tick_fields;
    case subject::bar:
      return bar_fields;
    case subject::greeks:
      return greeks_fields;
    case subject::chain:
      return chain_fields;
    default:
      return gap_fields;
  }
}

values values_of(const tick& t) {
  filler f;
  const bool traded = has_volume(t.mode);
  const bool day = has_day_ohlc(t.mode);
  const bool full = has_full(t.mode);
  const auto& bid = t.bids.front();
  const auto& ask = t.offers.front();
  const bool has_bid = full && bid.px.units > 0;
  const bool has_ask = full && ask.px.units > 0;
  f.put(of_price(t.last));
  f.put(traded, of_count(t.last_quantity));
  f.put(traded, of_price(t.average));
  f.put(traded, of_count(t.volume));
  f.put(traded, of_count(t.buy_quantity));
  f.put(traded, of_count(t.sell_quantity));
  f.put(day, of_price(t.open));
  f.put(day, of_price(t.high));
  f.put(day, of_price(t.low));
  f.put(day, of_price(t.close));
  f.put(day && t.close.units > 0, of_price(difference(t.last, t.close)));
  f.put(day, percent_of(difference(t.last, t.close), t.close));
  f.put(full, of_count(t.oi));
  f.put(full, of_count(t.oi_day_high));
  f.put(full, of_count(t.oi_day_low));
  f.put(has_bid, of_price(bid.px));
  f.put(has_ask, of_price(ask.px));
  f.put(has_bid, of_count(bid.quantity));
  f.put(has_ask, of_count(ask.quantity));
  f.put(has_bid && has_ask, of_price(difference(ask.px, bid.px)));
  return f.done();
}

values values_of(const bar_input& t) {
  values v;
  const auto put = [&](string_view name, number n) {
    v[static_cast<std::size_t>(std::ranges::find(tick_fields, name) - std::begin(tick_fields))] = n;
  };
  put("last_price", of_price(t.last));
  if ((t.fields & bar_input::volume) != 0) put("volume", of_count(t.volume_or_size));
  if ((t.fields & bar_input::size) != 0) put("last_quantity", of_count(t.volume_or_size));
  if ((t.fields & bar_input::open_interest) != 0) put("oi", of_count(t.oi));
  return v;
}

values values_of(const bar& b) {
  filler f;
  const auto has = [&](bar::field which) { return (b.fields & which) != 0; };
  f.put(of_price(b.open));
  f.put(of_price(b.high));
  f.put(of_price(b.low));
  f.put(of_price(b.close));
  f.put(has(bar::volume_known), of_count(b.volume));
  f.put(has(bar::oi_known), of_count(b.oi));
  f.put(has(bar::oi_change_known), of_count(b.oi_change));
  f.put(has(bar::vwap_known), of_price(b.vwap));
  f.put(of_count(b.ticks));
  f.put(of_price(difference(b.high, b.low)));
  f.put(of_price(difference(b.close, b.open)));
  f.put(percent_of(difference(b.close, b.open), b.open));
  return f.done();
}

values values_of(const feature::option_row& o) {
  filler f;
  const auto has = [&](feature::option_row::field which) { return (o.fields & which) != 0; };
  using field = feature::option_row;
  const bool valued = has(field::valued);
  f.put(has(field::priced), of_price(o.used));
  f.put(has(field::bid_known), of_price(o.bid));
  f.put(has(field::ask_known), of_price(o.ask));
  f.put(has(field::traded), of_price(o.last));
  f.put(has(field::volume_known), of_count(o.volume));
  f.put(has(field::oi_known), of_count(o.oi));
  f.put(has(field::oi_known), of_count(o.oi_change));
  for (const auto v : {o.iv, o.delta, o.gamma, o.theta, o.vega, o.rho}) f.put(valued, of_real(v));
  f.put(has(field::theory_known), of_real(o.theory));
  f.put(has(field::placed), of_real(o.intrinsic));
  f.put(has(field::placed), of_real(o.moneyness));
  return f.done();
}

values values_of(const feature::chain_row& c) {
  filler f;
  const auto has = [&](feature::chain_row::field which) { return (c.fields & which) != 0; };
  using field = feature::chain_row;
  f.put(has(field::forward_known), of_real(c.forward));
  f.put(has(field::atm_known), of_price(c.atm_strike));
  f.put(has(field::atm_iv_known), of_real(c.atm_iv));
  f.put(has(field::straddle_known), of_real(c.straddle));
  f.put(has(field::wings_known), of_real(c.risk_reversal));
  f.put(has(field::wings_known), of_real(c.butterfly));
  f.put(has(field::pcr_oi_known), of_real(c.pcr_oi));
  f.put(has(field::pcr_volume_known), of_real(c.pcr_volume));
  f.put(has(field::max_pain_known), of_price(c.max_pain));
  f.put(has(field::gex_known), of_real(c.gex));
  for (const auto n : {c.call_oi, c.put_oi, c.call_oi_change, c.put_oi_change})
    f.put(has(field::oi_known), of_count(n));
  f.put(has(field::volume_known), of_count(c.call_volume));
  f.put(has(field::volume_known), of_count(c.put_volume));
  return f.done();
}

values values_of(const mark& gap) {
  filler f;
  const bool over = gap.flag != gap_begins;
  f.put(of_count(over ? 1 : 0));
  // A loss that begins has no length yet.
  f.put(over ? number{std::max<timestamp>(gap.time - gap.from, 0)} : number{});
  return f.done();
}

}  // namespace artham::market::alert

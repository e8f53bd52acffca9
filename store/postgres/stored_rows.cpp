#include "store/postgres/stored_rows.hpp"

#include <utility>

namespace artham::store::postgres {

using market::feature::chain_row;
using market::feature::forward_source;
using market::feature::instrument_row;
using market::feature::option_row;
using market::option::side;
using market::option::state;

const std::string bar_columns_of_record =
    "bar_start_ts, bar_start_ns, revision, instrument_token, bar_end_ts, bar_end_ns, open, high, "
    "low, close, volume, oi, oi_change, vwap, ticks, flags, first_epoch, first_seq, last_epoch, "
    "last_seq, cause_epoch, cause_seq, cause_ordinal";
const std::string chain_columns =
    "underlying, expiry - date '1970-01-01', at_ts, state, forward_source, fields, age, years, "
    "forward, atm_strike, atm_iv, straddle, risk_reversal, butterfly, pcr_oi, pcr_volume, "
    "max_pain, gex, call_oi, put_oi, call_oi_change, put_oi_change, call_volume, put_volume, "
    "valued, cause_epoch, cause_seq, cause_ordinal";
const std::string option_columns =
    "instrument_token, type, strike, state, fields, price, bid, ask, last, volume, oi, oi_change, "
    "age, iv, delta, gamma, theta, vega, rho, theory, intrinsic, moneyness";
const std::string instrument_feature_columns =
    "at_ts, instrument_token, fields, last, price_change, volume_change, oi_change, spread, "
    "microprice, depth_imbalance, rolling_return, volatility, quote_epoch, quote_seq, "
    "cause_epoch, cause_seq, cause_ordinal";
const std::string instrument_columns =
    "instrument_id, valid_from - date '1970-01-01', valid_to - date '1970-01-01', "
    "instrument_token, exchange_token, exchange, tradingsymbol, name, expiry - date '1970-01-01', "
    "strike, tick_size, lot_size, instrument_type, segment";
const std::string gap_columns = "from_ts, to_ts, fraction, cause, detail, epoch, seq";
const std::string candle_columns =
    "instrument_token, bar_start_ts, bar_end_ts, open, high, low, close, volume, oi";

record::bar_record take_bar(taker& in) {
  using field = market::bar::field;
  record::bar_record r;
  auto& b = r.bar;
  b.start = in.exact_time();
  b.revision = in.small();
  b.token = in.small();
  b.end = in.exact_time();
  for (auto* p : {&b.open, &b.high, &b.low, &b.close}) p->units = in.integer();
  const auto optional = [&](field f, std::int64_t& value) {
    if (!in.is_null()) b.fields = static_cast<std::uint8_t>(b.fields | f);
    value = in.integer();
  };
  optional(field::volume_known, b.volume);
  optional(field::oi_known, b.oi);
  optional(field::oi_change_known, b.oi_change);
  optional(field::vwap_known, b.vwap.units);
  b.ticks = in.small();
  b.flags = static_cast<std::uint16_t>(in.integer());
  b.first = in.position();
  b.last = in.position();
  r.cause = in.cause();
  return r;
}

namespace {

state state_of(std::string_view name) {
  for (int i = 0; i < static_cast<int>(state::no_underlying); ++i) {
    if (market::option::name(static_cast<state>(i)) == name) return static_cast<state>(i);
  }
  return state::no_underlying;
}

forward_source source_of(std::string_view name) {
  for (const auto s : {forward_source::parity, forward_source::future, forward_source::spot}) {
    if (market::feature::name(s) == name) return s;
  }
  return forward_source::none;
}

}  // namespace

record::feature_record take_chain(taker& in) {
  chain_row c;
  c.underlying = in.text();
  c.expiry.days = static_cast<std::int32_t>(in.integer());
  c.at = in.time();
  c.is = state_of(in.text());
  c.source = source_of(in.text());
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

option_row take_option(taker& in) {
  option_row o;
  o.token = in.small();
  o.type = in.text() == "CE" ? side::call : side::put;
  o.strike.units = in.integer();
  o.is = state_of(in.text());
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

record::feature_record take_instrument_feature(taker& in) {
  instrument_row r;
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

stored_instrument take_instrument(taker& in) {
  stored_instrument s;
  s.id = in.integer();
  s.valid_from = {static_cast<std::int32_t>(in.integer())};
  if (in.is_null()) {
    in.skip();
  } else {
    s.valid_to = market::date{static_cast<std::int32_t>(in.integer())};
  }
  auto& i = s.instrument;
  i.token = in.small();
  i.exchange_token = in.small();
  i.exchange = in.text();
  i.symbol = in.text();
  i.name = in.text();
  i.expiry = {static_cast<std::int32_t>(in.integer())};
  i.strike.units = in.integer();
  i.tick_size.units = in.integer();
  i.lot_size = in.integer();
  i.type = in.text();
  i.segment = in.text();
  return s;
}

gap_row take_gap(taker& in) {
  gap_row g;
  g.from = in.time();
  g.to = in.time();
  const auto fraction = in.integer();
  if (g.from != market::never) g.from += fraction / 1000;
  if (g.to != market::never) g.to += fraction % 1000;
  g.cause = static_cast<market::gap_cause>(in.integer());
  g.detail = in.text();
  g.at = in.position();
  return g;
}

market::bar take_candle(taker& in) {
  market::bar b;
  b.token = in.small();
  b.start = in.time();
  b.end = in.time();
  for (auto* p : {&b.open, &b.high, &b.low, &b.close}) p->units = in.integer();
  b.volume = in.integer();
  b.fields = market::bar::volume_known;
  if (!in.is_null()) {
    b.oi = in.integer();
    b.fields |= market::bar::oi_known;
  }
  b.flags = static_cast<std::uint16_t>(market::bar_flag::backfilled);
  return b;
}

std::vector<stored_position> read_positions(pqxx::transaction_base& t) {
  std::vector<stored_position> all;
  for (const auto& row : t.exec("SELECT consumer, stream, shard, epoch, seq, ordinal FROM "
                                "artham.positions ORDER BY consumer COLLATE \"C\", stream COLLATE "
                                "\"C\", shard")) {
    taker in(row);
    stored_position p;
    p.consumer = in.text();
    p.stream = in.text();
    p.shard = in.small();
    p.at = in.position();
    p.ordinal = in.small();
    all.push_back(std::move(p));
  }
  return all;
}

}  // namespace artham::store::postgres

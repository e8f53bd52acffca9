#include "store/postgres/stored_rows.hpp"

#include <utility>

#include "store/token_list.hpp"

namespace artham::store::postgres {

const std::string bar_columns_of_record =
    "bar_start_ts, bar_start_ns, revision, instrument_token, bar_end_ts, bar_end_ns, open, high, "
    "low, close, volume, oi, oi_change, vwap, ticks, flags, first_epoch, first_seq, last_epoch, "
    "last_seq, cause_epoch, cause_seq, cause_ordinal";
const std::string chain_columns =
    "underlying, expiry - date '1970-01-01', at_ts, state, forward_source, fields, " +
    std::string(chain_value_columns) + ", cause_epoch, cause_seq, cause_ordinal";
const std::string option_columns =
    "instrument_token, type, strike, state, fields, " + std::string(option_value_columns);
const std::string instrument_feature_columns =
    "at_ts, instrument_token, fields, " + std::string(instrument_value_columns) +
    ", quote_epoch, quote_seq, cause_epoch, cause_seq, cause_ordinal";
const std::string instrument_columns =
    "instrument_id, valid_from - date '1970-01-01', valid_to - date '1970-01-01', "
    "instrument_token, exchange_token, exchange, tradingsymbol, name, expiry - date '1970-01-01', "
    "strike, tick_size, lot_size, instrument_type, segment";
const std::string gap_columns =
    "from_ts, to_ts, fraction, cause, detail, epoch, seq, instrument_tokens";
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
  g.tokens = tokens_in(in.text());
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

#include "store/sqlite/feature_rows.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace artham::store::sqlite {

using market::feature::chain_row;
using market::feature::forward_source;
using market::feature::instrument_row;
using market::feature::option_row;
using market::option::side;
using market::option::state;

const std::string chain_columns =
    "underlying, expiry, at_ts, state, forward_source, fields, age, years, forward, atm_strike, "
    "atm_iv, straddle, risk_reversal, butterfly, pcr_oi, pcr_volume, max_pain, gex, call_oi, "
    "put_oi, call_oi_change, put_oi_change, call_volume, put_volume, valued, cause_epoch, "
    "cause_seq, cause_ordinal";
const std::string option_columns =
    "instrument_token, type, strike, state, fields, price, bid, ask, last, volume, oi, oi_change, "
    "age, iv, delta, gamma, theta, vega, rho, theory, intrinsic, moneyness";
const std::string instrument_feature_columns =
    "at_ts, instrument_token, fields, last, price_change, volume_change, oi_change, spread, "
    "microprice, depth_imbalance, rolling_return, volatility, quote_epoch, quote_seq, "
    "cause_epoch, cause_seq, cause_ordinal";

namespace {

std::string insert_sql(std::string_view table, std::string_view more, const std::string& columns) {
  const auto all = std::string(more) + columns;
  const auto count = 1 + std::ranges::count(all, ',');
  std::string marks = "?";
  for (auto i = count; i > 1; --i) marks += ", ?";
  return "INSERT OR IGNORE INTO " + std::string(table) + " (" + all + ") VALUES (" + marks + ")";
}

/// Binds the columns of a row one after the other.
struct binder {
  insert_statement& s;
  int column = 1;

  void operator()(std::int64_t v) { s.bind(column++, v); }
  void operator()(std::uint64_t v) { s.bind(column++, static_cast<std::int64_t>(v)); }
  void operator()(std::uint32_t v) { s.bind(column++, std::int64_t{v}); }
  void operator()(double v) { s.bind_real(column++, v); }
  void operator()(std::string_view v) { s.bind(column++, v); }
  void cause(const record::cause& c) {
    (*this)(c.at.epoch);
    (*this)(c.at.seq);
    (*this)(c.ordinal);
  }
  template <class T>
  void known(bool is, T v) {
    if (is) {
      (*this)(v);
    } else {
      ++column;
    }
  }
};

/// Reads the columns of a row one after the other; NULL gives 0.
struct taker {
  SQLite::Statement& row;
  int column = 0;

  std::int64_t integer() { return row.getColumn(column++).getInt64(); }
  std::uint32_t small() { return row.getColumn(column++).getUInt(); }
  double real() { return row.getColumn(column++).getDouble(); }
  std::string text() { return row.getColumn(column++).getString(); }
  record::cause cause() {
    record::cause c;
    c.at.epoch = small();
    c.at.seq = static_cast<std::uint64_t>(integer());
    c.ordinal = small();
    return c;
  }
};

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

void bind_option(insert_statement& s, std::int64_t chain_id, std::int64_t id, const option_row& o) {
  s.next_row();
  binder put{s};
  const auto has = [&](option_row::field f) { return (o.fields & f) != 0; };
  put(chain_id);
  put(id);
  put(o.token);
  put(std::string_view(o.type == side::call ? "CE" : "PE"));
  put(o.strike.units);
  put(market::option::name(o.is));
  put(std::uint32_t{o.fields});
  put.known(has(option_row::priced), o.used.units);
  put.known(has(option_row::bid_known), o.bid.units);
  put.known(has(option_row::ask_known), o.ask.units);
  put.known(has(option_row::traded), o.last.units);
  put.known(has(option_row::volume_known), o.volume);
  put.known(has(option_row::oi_known), o.oi);
  put.known(has(option_row::oi_known), o.oi_change);
  put(o.age);
  for (const double v : {o.iv, o.delta, o.gamma, o.theta, o.vega, o.rho})
    put.known(has(option_row::valued), v);
  put.known(has(option_row::theory_known), o.theory);
  put.known(has(option_row::placed), o.intrinsic);
  put.known(has(option_row::placed), o.moneyness);
}

void bind_chain(insert_statement& s, const record::cause& cause, const chain_row& c) {
  s.next_row();
  binder put{s};
  const auto has = [&](chain_row::field f) { return (c.fields & f) != 0; };
  put(std::string_view(c.underlying));
  put(std::int64_t{c.expiry.days});
  put(c.at);
  put(market::option::name(c.is));
  put(market::feature::name(c.source));
  put(std::uint32_t{c.fields});
  put(c.age);
  put(c.years);
  put.known(has(chain_row::forward_known), c.forward);
  put.known(has(chain_row::atm_known), c.atm_strike.units);
  put.known(has(chain_row::atm_iv_known), c.atm_iv);
  put.known(has(chain_row::straddle_known), c.straddle);
  put.known(has(chain_row::wings_known), c.risk_reversal);
  put.known(has(chain_row::wings_known), c.butterfly);
  put.known(has(chain_row::pcr_oi_known), c.pcr_oi);
  put.known(has(chain_row::pcr_volume_known), c.pcr_volume);
  put.known(has(chain_row::max_pain_known), c.max_pain.units);
  put.known(has(chain_row::gex_known), c.gex);
  for (const auto v : {c.call_oi, c.put_oi, c.call_oi_change, c.put_oi_change})
    put.known(has(chain_row::oi_known), v);
  for (const auto v : {c.call_volume, c.put_volume}) put.known(has(chain_row::volume_known), v);
  put(c.valued);
  put.cause(cause);
}

void bind_instrument(insert_statement& s, std::int64_t id, const record::cause& cause,
                     const instrument_row& r) {
  s.next_row();
  binder put{s};
  put(id);
  put(r.mark);
  put(r.token);
  put(std::uint32_t{r.fields});
  put(r.last.units);
  put.known(r.has(instrument_row::price_change_known), r.price_change.units);
  put.known(r.has(instrument_row::volume_change_known), r.volume_change);
  put.known(r.has(instrument_row::oi_change_known), r.oi_change);
  put.known(r.has(instrument_row::spread_known), r.spread.units);
  put.known(r.has(instrument_row::microprice_known), r.microprice.units);
  put.known(r.has(instrument_row::imbalance_known), r.depth_imbalance);
  put.known(r.has(instrument_row::return_known), r.rolling_return);
  put.known(r.has(instrument_row::volatility_known), r.volatility);
  put(r.cause.epoch);
  put(r.cause.seq);
  put.cause(cause);
}

}  // namespace

feature_inserts::feature_inserts(SQLite::Database& db)
    : db_(db),
      chains_(db, insert_sql("chain_features", "", chain_columns)),
      options_(db, insert_sql("option_greeks", "chain_id, instrument_id, ", option_columns)),
      instruments_(
          db, insert_sql("instrument_features", "instrument_id, ", instrument_feature_columns)) {}

void feature_inserts::write_chain(
    const record::feature_record& r,
    const std::function<std::int64_t(std::uint32_t, market::timestamp)>& id_of) {
  const auto& c = *r.chain();
  bind_chain(chains_, r.cause, c);
  chains_.write_row();
  const bool there_already = db_.getChanges() == 0;
  chains_.end();
  if (there_already) return;
  const auto chain_id = db_.getLastInsertRowid();
  for (const auto& o : c.options) {
    bind_option(options_, chain_id, id_of(o.token, c.at), o);
    options_.write_row();
  }
  options_.end();
}

void feature_inserts::write(
    std::span<const record::feature_record> records,
    const std::function<std::int64_t(std::uint32_t token, market::timestamp t)>& id_of) {
  for (const auto& r : records) {
    if (r.chain() != nullptr) {
      write_chain(r, id_of);
      continue;
    }
    const auto& i = *r.instrument();
    bind_instrument(instruments_, id_of(i.token, i.mark), r.cause, i);
    instruments_.write_row();
    instruments_.end();
  }
}

record::feature_record read_chain(SQLite::Statement& row) {
  taker in{row, 1};
  chain_row c;
  c.underlying = in.text();
  c.expiry.days = static_cast<std::int32_t>(in.integer());
  c.at = in.integer();
  c.is = state_of(in.text());
  c.source = source_of(in.text());
  c.fields = static_cast<std::uint16_t>(in.integer());
  c.age = in.integer();
  c.years = in.real();
  c.forward = in.real();
  c.atm_strike.units = in.integer();
  c.atm_iv = in.real();
  c.straddle = in.real();
  c.risk_reversal = in.real();
  c.butterfly = in.real();
  c.pcr_oi = in.real();
  c.pcr_volume = in.real();
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

option_row read_option(SQLite::Statement& row, int first) {
  taker in{row, first};
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

std::vector<option_row> read_options(SQLite::Database& db, std::int64_t chain_id) {
  SQLite::Statement s(db, "SELECT " + option_columns +
                              " FROM option_greeks WHERE chain_id = ? ORDER BY strike, type, "
                              "instrument_token");
  s.bind(1, chain_id);
  std::vector<option_row> options;
  while (s.executeStep()) options.push_back(read_option(s, 0));
  return options;
}

record::feature_record read_instrument_feature(SQLite::Statement& row) {
  taker in{row};
  instrument_row r;
  r.mark = in.integer();
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
  r.cause.epoch = in.small();
  r.cause.seq = static_cast<std::uint64_t>(in.integer());
  const auto cause = in.cause();
  return {cause, r};
}

}  // namespace artham::store::sqlite

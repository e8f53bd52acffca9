#include "market/feature/chain.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include "market/feature/smile.hpp"
#include "market/option/batch.hpp"
#include "market/option/normal.hpp"

namespace artham::market::feature {

namespace {

using option::pricing;
using option::side;
using option::state;

bool has(const option_row& o, option_row::field f) {
  return (o.fields & f) != 0;
}

void add(option_row& o, option_row::field f) {
  o.fields = static_cast<std::uint16_t>(o.fields | f);
}

}  // namespace

bool held_quote::take(const quote& q) {
  if ((q.fields & quote::ahead) != 0) return false;
  if (seen && !follows(q, newest)) return false;
  newest = q;
  seen = true;
  if (!oi_seen && (q.fields & quote::oi_known) != 0) {
    oi_seen = true;
    first_oi = q.oi;
  }
  return true;
}

quoted_price price_of(const held_quote& h, timestamp t, duration stale) {
  const auto& q = h.newest;
  if (!h.seen) return {};
  if (t - q.time > stale) return {state::stale, {}};
  const auto book = book_of(q);
  if (book == book_state::crossed) return {state::crossed, {}};
  if (book == book_state::quoted) return {state::ok, mid_of(q)};
  if (q.last.units > 0) return {state::ok, q.last};
  return {};
}

chain::chain(chain_rules rules, calendar_ptr cal, date expiry)
    : rules_(rules), expiry_(expiry), clock_(std::move(cal), expiry, rules.years) {}

chain_row chain::evaluate(timestamp t, const std::vector<entry>& entries,
                          const std::vector<underlying_price>& outside) {
  chain_row c;
  c.expiry = expiry_;
  c.at = t;
  c.years = clock_.years(t);
  read_quotes(t, entries, c);
  find_forward(outside, c);
  const bool expired = t >= clock_.end();
  for (auto& o : c.options) {
    if (o.strike.units <= 0) {
      o.is = state::bad_terms;
    } else if (expired) {
      o.is = state::expired;
    } else if (o.is == state::ok && c.source == forward_source::none) {
      o.is = state::no_underlying;
    }
  }
  c.is = expired                            ? state::expired
         : c.source == forward_source::none ? state::no_underlying
                                            : state::ok;
  double underlying = 0;
  if (c.source != forward_source::none) {
    c.fields |= chain_row::forward_known;
    underlying = underlying_of(c);
    for (auto& o : c.options) {
      if (o.strike.units <= 0) continue;
      const double strike = as_number(o.strike);
      const double over = static_cast<double>(o.type) * (underlying - strike);
      o.intrinsic = std::max(over, 0.0);
      o.moneyness = option::log_ratio(strike, c.forward);
      add(o, option_row::placed);
    }
  }
  if (c.is == state::ok) {
    solve(underlying, c);
    theorise(c);
    read_smile(c);
  }
  read_positions(c, underlying);
  return c;
}

void chain::read_quotes(timestamp t, const std::vector<entry>& entries, chain_row& out) const {
  out.options.reserve(entries.size());
  for (const auto& e : entries) {
    const auto& q = e.quote->newest;
    auto& o = out.options.emplace_back();
    o.token = e.what.token;
    o.type = e.what.type;
    o.strike = e.what.strike;
    o.age = t - q.time;
    if ((q.fields & quote::depth_known) != 0) {
      o.bid = q.bid;
      o.ask = q.ask;
      if (q.bid.units > 0) add(o, option_row::bid_known);
      if (q.ask.units > 0) add(o, option_row::ask_known);
    }
    if (q.last.units > 0) {
      o.last = q.last;
      add(o, option_row::traded);
    }
    if ((q.fields & quote::volume_known) != 0) {
      o.volume = q.volume;
      add(o, option_row::volume_known);
    }
    if ((q.fields & quote::oi_known) != 0) {
      o.oi = q.oi;
      o.oi_change = q.oi - e.quote->first_oi;
      add(o, option_row::oi_known);
    }
    const auto priced = price_of(*e.quote, t, rules_.stale_option);
    o.is = priced.is;
    if (priced.is != state::ok) continue;
    o.used = priced.px;
    add(o, option_row::priced);
  }
}

underlying_price chain::parity(const chain_row& out) const {
  underlying_price found;
  std::int64_t least = 0;
  const auto& rows = out.options;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& call = rows[i - 1];
    const auto& put = rows[i];
    if (call.strike != put.strike || call.type != side::call || put.type != side::put) continue;
    if (!has(call, option_row::priced) || !has(put, option_row::priced)) continue;
    const auto difference = std::abs(call.used.units - put.used.units);
    if (found.source != forward_source::none && difference >= least) continue;
    const double forward = option::parity_forward(as_number(call.used), as_number(put.used),
                                                  as_number(call.strike), out.years, rules_.rate);
    if (!(forward > 0)) continue;
    least = difference;
    found = {forward_source::parity, forward, std::max(call.age, put.age)};
  }
  return found;
}

void chain::find_forward(const std::vector<underlying_price>& outside, chain_row& out) const {
  for (std::size_t i = 0; i < rules_.sources.size(); ++i) {
    const auto wanted = rules_.sources[i];
    if (wanted == forward_source::none) return;
    const auto p = wanted == forward_source::parity ? parity(out)
                   : i < outside.size()             ? outside[i]
                                                    : underlying_price{};
    if (p.source == forward_source::none) continue;
    out.source = p.source;
    out.age = p.age;
    out.forward = p.source == forward_source::spot
                      ? p.px * option::exponential((rules_.rate - rules_.dividend) * out.years)
                      : p.px;
    return;
  }
}

double chain::underlying_of(const chain_row& c) const {
  return rules_.model == pricing::black76
             ? c.forward
             : c.forward * option::exponential((rules_.dividend - rules_.rate) * c.years);
}

void chain::solve(double underlying, chain_row& out) {
  for (auto* column : {&type_, &underlying_, &strike_, &years_, &rate_, &dividend_, &price_})
    column->clear();
  rows_.clear();
  for (std::size_t i = 0; i < out.options.size(); ++i) {
    const auto& o = out.options[i];
    if (o.is != state::ok) continue;
    rows_.push_back(i);
    type_.push_back(static_cast<double>(o.type));
    underlying_.push_back(underlying);
    strike_.push_back(as_number(o.strike));
    years_.push_back(out.years);
    rate_.push_back(rules_.rate);
    dividend_.push_back(rules_.dividend);
    price_.push_back(as_number(o.used));
  }
  for (auto* column : {&volatility_, &value_, &delta_, &gamma_, &theta_, &vega_, &rho_})
    column->resize(rows_.size());
  states_.resize(rows_.size());
  const option::columns columns{type_, underlying_, strike_, years_, rate_, dividend_};
  option::implied_volatility(rules_.model, columns, price_, volatility_, states_);
  for (std::size_t i = 0; i < rows_.size(); ++i) out.options[rows_[i]].is = states_[i];
  option::value(rules_.model, columns, volatility_,
                {value_, delta_, gamma_, theta_, vega_, rho_, states_});
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    auto& o = out.options[rows_[i]];
    if (o.is != state::ok || states_[i] != state::ok) continue;
    o.iv = volatility_[i];
    o.delta = delta_[i];
    o.gamma = gamma_[i];
    o.theta = theta_[i];
    o.vega = vega_[i];
    o.rho = rho_[i];
    add(o, option_row::valued);
    ++out.valued;
  }
}

void chain::theorise(chain_row& out) const {
  const auto& rows = out.options;
  const double discount = option::exponential(-rules_.rate * out.years);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& o = out.options[i];
    const double strike = as_number(o.strike);
    const auto wanted = strike >= out.forward ? side::call : side::put;
    // The put stands behind the call of its strike.
    const auto beside = wanted == side::call ? i - 1 : i + 1;
    const auto from = o.type == wanted ? i : beside;
    if (from >= rows.size()) continue;
    const auto& source = rows[from];
    if (source.strike != o.strike || source.type != wanted || !has(source, option_row::valued))
      continue;
    o.theory = as_number(source.used);
    if (o.type != wanted)
      o.theory += discount * static_cast<double>(o.type) * (out.forward - strike);
    add(o, option_row::theory_known);
  }
}

}  // namespace artham::market::feature

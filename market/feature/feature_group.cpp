#include "market/feature/feature_group.hpp"

#include <algorithm>
#include <utility>

namespace artham::market::feature {

feature_group::counters feature_group::counters::since(const counters& before) const {
  return {quotes - before.quotes, unused - before.unused, expired - before.expired};
}

feature_group::feature_group(std::shared_ptr<const group_plan> plan, const feature_rules& rules)
    : plan_(std::move(plan)),
      rules_(rules.rules_of(plan_->name)),
      interval_(rules.interval),
      instrument_interval_(rules.instrument_interval) {
  if (plan_->spot != 0) add_member(kind::spot, plan_->spot, 0);
  for (std::size_t i = 0; i < plan_->futures.size(); ++i)
    add_member(kind::future, plan_->futures[i].token, i);
  for (std::size_t i = 0; i < plan_->options.size(); ++i)
    add_member(kind::option, plan_->options[i].what.token, i);
}

void feature_group::add_member(kind what, std::uint32_t token, std::size_t listed) {
  by_token_.emplace(token, static_cast<std::uint32_t>(members_.size()));
  members_.push_back({what, token, listed, {}, std::nullopt});
}

void feature_group::consume(std::span<const quote> quotes, std::span<const mark> marks,
                            position silent_until, feature_rows& out) {
  auto q = quotes.begin();
  for (const auto& m : marks) {
    if (m.kind != mark_kind::clock) continue;
    for (; q != quotes.end() && q->position() < m.position; ++q) take(*q);
    on_clock(m, m.position <= silent_until, out);
  }
  for (; q != quotes.end(); ++q) take(*q);
}

void feature_group::begin_at(timestamp clock) {
  if (now_ != 0 || clock == 0) return;
  advance(clock);
  clock_ = clock;
}

void feature_group::advance(timestamp t) {
  now_ = std::max(now_, t);
  if (now_ >= day_end_) {
    const auto today = plan_->cal->day_of(now_);
    day_begin_ = today.begin;
    day_end_ = today.end;
    instrument_rules_.seconds_per_year =
        static_cast<double>(trading_year(*plan_->cal, today.trading_date)) /
        static_cast<double>(second);
    for (auto& m : members_) {
      m.held = {};
      m.features.reset();
    }
    chains_.clear();
    instruments_changed_ = false;
    next_open_ = 0;
  }
  if (now_ >= next_open_) {
    next_open_ = never;
    for (const auto& s : plan_->cal->day_of(now_).sessions) {
      if (s.open > now_) next_open_ = std::min(next_open_, s.open);
    }
    for (auto& m : members_) {
      if (m.features) m.features->begin_session();
    }
  }
}

void feature_group::take(const quote& q) {
  ++counts_.quotes;
  if ((q.fields & quote::ahead) != 0) {
    ++counts_.unused;
    return;
  }
  const auto it = by_token_.find(q.token);
  if (it == by_token_.end()) return;
  advance(q.time);
  auto& m = members_[it->second];
  if (q.time < day_begin_ || !m.held.take(q)) {
    ++counts_.unused;
    return;
  }
  if (m.what == kind::option) {
    take_option(m);
    return;
  }
  if (!m.features) m.features.emplace(instrument_rules_);
  m.features->take(q);
  instruments_changed_ = true;
  for (auto& entry : chains_) {
    auto& c = entry.second;
    if (now_ < c.values.end()) c.changed = c.live_changed = true;
  }
}

feature_group::chain_state& feature_group::chain_of(const member& m) {
  const auto& listed = plan_->options[m.listed];
  auto it = chains_.find(listed.expiry);
  if (it == chains_.end())
    it = chains_.emplace(listed.expiry, chain(rules_, plan_->cal, listed.expiry)).first;
  auto& c = it->second;
  const auto order = [](const chain::entry& e) {
    return std::tuple(e.what.strike, e.what.type == option::side::put, e.what.token);
  };
  const chain::entry entry{listed.what, &m.held};
  const auto at = std::ranges::lower_bound(c.entries, order(entry), {}, order);
  if (at == c.entries.end() || at->what.token != m.token) c.entries.insert(at, entry);
  return c;
}

void feature_group::take_option(member& m) {
  auto& c = chain_of(m);
  c.changed = c.live_changed = true;
  if (m.held.newest.time >= c.values.end()) ++counts_.expired;
}

void feature_group::on_clock(const mark& m, bool silent, feature_rows& out) {
  advance(m.time);
  clock_ = std::max(clock_, m.time);
  if (m.time % interval_ == 0) {
    for (auto& entry : chains_) {
      auto& c = entry.second;
      if (!is_changed(c, m.time)) continue;
      c.changed = false;
      c.turn = next_turn(c, m.time);
      if (!silent) out.chains.push_back({m.position, evaluate(c, m.time)});
    }
  }
  if (m.time % instrument_interval_ == 0 && instruments_changed_) {
    instruments_changed_ = false;
    for (auto& one : members_) {
      if (!one.features || !one.features->changed()) continue;
      auto row = one.features->evaluate(m.time);
      if (row && !silent) out.instruments.push_back({m.position, *row});
    }
  }
}

bool feature_group::is_changed(const chain_state& c, timestamp t) const {
  return c.changed || t >= c.turn;
}

timestamp feature_group::next_due() const {
  const auto next = [this](duration step) { return clock_ / step * step + step; };
  // A new day or session must begin at the same record whoever cuts the stream.
  auto due = now_ == 0 ? never : std::min(day_end_, next_open_);
  for (const auto& entry : chains_)
    due = std::min(due, entry.second.changed ? next(interval_) : entry.second.turn);
  if (instruments_changed_) due = std::min(due, next(instrument_interval_));
  return due;
}

void feature_group::live(std::vector<chain_row>& out) {
  for (auto& entry : chains_) {
    auto& c = entry.second;
    if (!std::exchange(c.live_changed, false)) continue;
    out.push_back(evaluate(c, now_));
  }
}

chain_row feature_group::evaluate(chain_state& c, timestamp t) const {
  auto row = c.values.evaluate(t, c.entries, outside(c.values, t));
  row.underlying = plan_->name;
  return row;
}

timestamp feature_group::next_turn(const chain_state& c, timestamp t) const {
  if (t >= c.values.end()) return never;
  auto turn = c.values.end();
  const auto stale_at = [&](const held_quote& h, duration limit) {
    const auto at = h.newest.time + limit + 1;
    if (h.seen && at > t) turn = std::min(turn, at);
  };
  for (const auto& e : c.entries) stale_at(*e.quote, rules_.stale_option);
  for (const auto& m : members_) {
    if (m.what != kind::option) stale_at(m.held, rules_.stale_underlying);
  }
  return turn;
}

std::vector<underlying_price> feature_group::outside(const chain& c, timestamp t) const {
  std::vector<underlying_price> prices;
  for (const auto s : rules_.sources) {
    prices.push_back(s == forward_source::future ? future_price(c, t)
                     : s == forward_source::spot ? spot_price(t)
                                                 : underlying_price{});
  }
  return prices;
}

underlying_price feature_group::future_price(const chain& c, timestamp t) const {
  for (const auto& m : members_) {
    if (m.what != kind::future || plan_->futures[m.listed].expiry < c.expiry()) continue;
    const auto p = price_of(m.held, t, rules_.stale_underlying);
    if (p.is == option::state::ok)
      return {forward_source::future, as_number(p.px), t - m.held.newest.time};
  }
  return {};
}

underlying_price feature_group::spot_price(timestamp t) const {
  for (const auto& m : members_) {
    if (m.what != kind::spot) continue;
    const auto& q = m.held.newest;
    if (!m.held.seen || q.last.units <= 0 || t - q.time > rules_.stale_underlying) return {};
    return {forward_source::spot, as_number(q.last), t - q.time};
  }
  return {};
}

}  // namespace artham::market::feature

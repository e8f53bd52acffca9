#include "market/formula/formula_engine.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace artham::market::formula {

price leg_price(const quote& q) {
  if (book_of(q) == book_state::quoted) return mid_of(q);
  return {std::max<std::int64_t>(q.last.units, 0)};
}

formula_engine::formula_engine(std::shared_ptr<const formula_plan> plan, duration stale)
    : plan_(std::move(plan)), stale_(stale), silent_(plan_->formulas().size(), 0) {
  for (const auto& f : plan_->formulas()) add(f);
}

formula_engine::leg formula_engine::leg_of(std::uint32_t token, std::uint32_t formula) {
  const auto [it, fresh] = legs_.emplace(token, static_cast<leg>(held_.size()));
  if (fresh) {
    held_.emplace_back();
    users_.emplace_back();
  }
  auto& users = users_[it->second];
  if (users.empty() || users.back() != formula) users.push_back(formula);
  return it->second;
}

void formula_engine::add(const bound_formula& f) {
  const auto number = static_cast<std::uint32_t>(states_.size());
  auto& s = states_.emplace_back();
  if (const auto* sum = std::get_if<bound_sum>(&f.what)) {
    s.constant = sum->constant;
    for (const auto& t : sum->terms) {
      s.coefficients.push_back(t.coefficient);
      s.legs.push_back(leg_of(t.token, number));
    }
    return;
  }
  const auto& straddle = std::get<bound_straddle>(f.what);
  s.coefficients = {0, price_scale, price_scale};
  s.legs.push_back(leg_of(straddle.spot, number));
  for (const auto& e : straddle.expiries) {
    auto& to = s.expiries.emplace_back(expiry_legs{e.day, {}});
    for (const auto& k : e.strikes)
      to.strikes.push_back({k.strike, leg_of(k.call, number), leg_of(k.put, number)});
  }
}

bool formula_engine::concerns(std::span<const std::uint32_t> tokens) const {
  return std::ranges::any_of(tokens, [this](std::uint32_t t) { return legs_.contains(t); });
}

bool formula_engine::hold(leg l, const quote& q) {
  auto& held = held_[l];
  if ((q.fields & quote::ahead) != 0 || (held.token != 0 && !follows(q, held))) return false;
  held = q;
  return true;
}

void formula_engine::take(std::span<const quote> quotes, std::vector<bar_input>& ticks) {
  changed_.clear();
  concerned_.clear();
  for (const auto& q : quotes) {
    const auto it = legs_.find(q.token);
    if (it == legs_.end() || !hold(it->second, q)) continue;
    changed_.push_back(it->second);
    const auto& users = users_[it->second];
    concerned_.insert(concerned_.end(), users.begin(), users.end());
  }
  std::sort(concerned_.begin(), concerned_.end());
  concerned_.erase(std::unique(concerned_.begin(), concerned_.end()), concerned_.end());
  for (const auto number : concerned_) {
    auto& s = states_[number];
    if (!s.expiries.empty()) choose_strike(s, number);
    const auto* const cause = cause_of(s);
    if (cause == nullptr) continue;
    bar_input t;
    if (!is_fresh(s, number) || !value_of(s, t.last)) {
      ++silent_[number];
      continue;
    }
    s.last_time = std::max(s.last_time, cause->time);
    t.token = plan_->formulas()[number].token;
    t.time = s.last_time;
    t.slot = number;
    ticks.push_back(t);
  }
}

void formula_engine::forget() {
  std::ranges::fill(held_, quote{});
}

void formula_engine::enter_day(state& s, std::uint32_t formula, timestamp t) const {
  if (t < s.day.begin || t >= s.day.end) s.day = plan_->formulas()[formula].cal->day_of(t);
}

void formula_engine::choose_strike(state& s, std::uint32_t formula) const {
  s.legs.resize(1);
  const auto& spot = held_[s.legs.front()];
  const auto px = leg_price(spot);
  if (px.units == 0) return;
  enter_day(s, formula, spot.time);
  const auto expiry =
      std::ranges::find_if(s.expiries, [&](const auto& e) { return e.day >= s.day.trading_date; });
  if (expiry == s.expiries.end()) return;
  const auto distance = [&](const strike_legs& k) {
    const auto d = int128{k.strike.units} - px.units;
    return d < 0 ? -d : d;
  };
  const auto nearest = std::ranges::min_element(expiry->strikes, {}, distance);
  s.legs.push_back(nearest->call);
  s.legs.push_back(nearest->put);
}

const quote* formula_engine::cause_of(const state& s) const {
  for (auto l = changed_.rbegin(); l != changed_.rend(); ++l) {
    if (std::ranges::find(s.legs, *l) != s.legs.end()) return &held_[*l];
  }
  return nullptr;
}

bool formula_engine::is_fresh(state& s, std::uint32_t formula) const {
  if (s.legs.size() != s.coefficients.size()) return false;
  timestamp newest = 0;
  timestamp oldest = std::numeric_limits<timestamp>::max();
  for (const auto l : s.legs) {
    if (held_[l].token == 0) return false;
    newest = std::max(newest, held_[l].time);
    oldest = std::min(oldest, held_[l].time);
  }
  enter_day(s, formula, newest);
  return oldest >= s.day.begin && newest - oldest <= stale_;
}

bool formula_engine::value_of(const state& s, price& out) const {
  int128 sum = int128{s.constant.units} * price_scale;
  for (std::size_t i = 0; i < s.legs.size(); ++i) {
    const auto px = leg_price(held_[s.legs[i]]);
    if (px.units == 0) return false;
    sum += int128{s.coefficients[i]} * px.units;
  }
  const auto limit = int128{std::numeric_limits<std::int64_t>::max()} * price_scale;
  if (sum > limit || sum < -limit) return false;
  out = {divide_half_even(sum, price_scale)};
  return true;
}

}  // namespace artham::market::formula

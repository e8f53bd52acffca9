#include "market/feature/instrument_features.hpp"

#include <algorithm>
#include <cmath>

#include "market/option/normal.hpp"

namespace artham::market::feature {

namespace {

bool knows(const quote& q, quote::field f) {
  return (q.fields & f) != 0;
}

std::optional<std::int64_t> difference(std::int64_t a, std::int64_t b) {
  std::int64_t d = 0;
  if (__builtin_sub_overflow(a, b, &d)) return std::nullopt;
  return d;
}

double log_return(price now, price before) {
  return option::log_ratio(static_cast<double>(now.units), static_cast<double>(before.units));
}

void add_book(instrument_row& row, const quote& q) {
  if (!knows(q, quote::depth_known)) return;
  if (const auto shown = q.bid_depth + q.ask_depth; shown > 0) {
    row.depth_imbalance =
        static_cast<double>(q.bid_depth - q.ask_depth) / static_cast<double>(shown);
    row.fields |= instrument_row::imbalance_known;
  }
  if (book_of(q) != book_state::quoted) return;
  row.spread = {q.ask.units - q.bid.units};
  row.fields |= instrument_row::spread_known;
  const auto quantity = std::int64_t{q.bid_quantity} + q.ask_quantity;
  if (quantity == 0) return;
  row.microprice = {divide_half_even(
      int128{q.bid.units} * q.ask_quantity + int128{q.ask.units} * q.bid_quantity, quantity)};
  row.fields |= instrument_row::microprice_known;
}

}  // namespace

void instrument_features::take(const quote& q) {
  if (knows(q, quote::ahead) || (has_order_ && !follows(q, held_))) return;
  held_ = q;
  has_order_ = has_quote_ = changed_ = true;
}

std::optional<instrument_row> instrument_features::evaluate(timestamp mark) {
  if (!has_quote_) return std::nullopt;
  changed_ = false;
  instrument_row row;
  row.mark = mark;
  row.token = held_.token;
  row.cause = held_.position();
  row.last = held_.last;
  add_changes(row);
  add_book(row, held_);
  add_sample(row);
  add_windows(row);
  return row;
}

void instrument_features::begin_session() {
  changed_ = has_quote_ = false;
  last_before_.reset();
  volume_before_.reset();
  oi_before_.reset();
  samples_.clear();
  first_ = 0;
}

/// A volume that fell counts from something new: it has no change.
void instrument_features::add_changes(instrument_row& row) {
  if (last_before_) {
    if (const auto d = difference(row.last.units, last_before_->units)) {
      row.price_change = {*d};
      row.fields |= instrument_row::price_change_known;
    }
  }
  last_before_ = row.last;
  if (knows(held_, quote::volume_known)) {
    const auto d = volume_before_ ? difference(held_.volume, *volume_before_) : std::nullopt;
    if (d && *d >= 0) {
      row.volume_change = *d;
      row.fields |= instrument_row::volume_change_known;
    }
    volume_before_ = held_.volume;
  }
  if (knows(held_, quote::oi_known)) {
    if (const auto d = oi_before_ ? difference(held_.oi, *oi_before_) : std::nullopt) {
      row.oi_change = *d;
      row.fields |= instrument_row::oi_change_known;
    }
    oi_before_ = held_.oi;
  }
}

void instrument_features::add_sample(const instrument_row& row) {
  if (row.last.units <= 0) {
    samples_.clear();
    first_ = 0;
    return;
  }
  const double r = samples_.empty() ? 0 : log_return(row.last, samples_.back().last);
  samples_.push_back({row.mark, row.last, r * r});
  const auto oldest = row.mark - std::max(rules_.return_window, rules_.volatility_window);
  while (first_ + 1 < samples_.size() && samples_[first_ + 1].time <= oldest) ++first_;
  if (2 * first_ <= samples_.size()) return;
  samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

bool instrument_features::reaches(timestamp t) const {
  return first_ < samples_.size() && samples_[first_].time <= t;
}

/// Sums from the oldest to the newest each time: sums that slide would drift.
void instrument_features::add_windows(instrument_row& row) const {
  const auto begin = samples_.begin() + static_cast<std::ptrdiff_t>(first_);
  const auto behind = [&](timestamp t) {
    return std::upper_bound(begin, samples_.end(), t,
                            [](timestamp a, const sample& s) { return a < s.time; });
  };
  if (const auto from = row.mark - rules_.return_window; reaches(from)) {
    row.rolling_return = log_return(row.last, std::prev(behind(from))->last);
    row.fields |= instrument_row::return_known;
  }
  if (const auto from = row.mark - rules_.volatility_window; reaches(from)) {
    double sum = 0;
    for (auto s = behind(from); s != samples_.end(); ++s) sum += s->squared_return;
    const double years =
        static_cast<double>(rules_.volatility_window) / 1e9 / rules_.seconds_per_year;
    row.volatility = std::sqrt(sum / years);
    row.fields |= instrument_row::volatility_known;
  }
}

}  // namespace artham::market::feature

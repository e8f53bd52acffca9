#include "market/bar_merge.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace artham::market {

namespace {

/// The first date of the period that holds `d`, and of the next one.
std::pair<date, date> period_of(timeframe period, date d) {
  if (period.kind == timeframe::unit::week) {
    const date monday{d.days - weekday(d)};
    return {monday, {monday.days + 7}};
  }
  const auto at = civil(d);
  const auto months = static_cast<unsigned>(period.length);
  const auto first = (at.month - 1) / months * months + 1;
  const auto next = first + months;
  return {make_date(at.year, first, 1),
          next > 12 ? make_date(at.year + 1, next - 12, 1) : make_date(at.year, next, 1)};
}

tl::unexpected<error> refuse(const bar& b, const std::string& why) {
  return fail(errc::bad_input, "the bar of instrument " + std::to_string(b.token) + " at " +
                                   to_rfc3339(b.start, 0) + " " + why);
}

}  // namespace

bar_bounds period_bounds(timeframe period, const calendar& cal, date trading_date) {
  const auto [first, next] = period_of(period, trading_date);
  bar_bounds bounds;
  for (auto d = first; d < next; ++d.days) {
    const auto sessions = cal.day(d).sessions;
    if (sessions.empty()) continue;
    if (bounds.start == 0) bounds.start = sessions.front().open;
    bounds.end = sessions.back().close;
  }
  return bounds;
}

bar_bounds bar_merger::bounds_at(timestamp t) const {
  if (is_period(longer_)) return period_bounds(longer_, *cal_, cal_->day_of(t).trading_date);
  const auto zone = zone_at(*cal_, t);
  if (!zone.in_session && longer_.kind == timeframe::unit::intraday) return {};
  return bounds_of(longer_, zone, t);
}

result<std::optional<bar>> bar_merger::add(const bar& shorter) {
  if (shorter.start < end_before_)
    return refuse(shorter, "begins before the end of the one before it");
  std::optional<bar> left;
  if (open_ && shorter.start >= open_->end) left = take_last();
  if (!open_) {
    const auto bounds = bounds_at(shorter.start);
    if (shorter.start < bounds.start || shorter.start >= bounds.end)
      return refuse(shorter, "begins outside of the sessions of " + cal_->name());
    begin(shorter, bounds);
  } else {
    append(shorter);
  }
  if (shorter.end > open_->end)
    return refuse(shorter, "reaches beyond the end of its " + to_string(longer_) + " bar");
  end_before_ = shorter.end;
  return left;
}

void bar_merger::begin(const bar& first, bar_bounds bounds) {
  open_ = first;
  open_->start = bounds.start;
  open_->end = bounds.end;
  value_ = static_cast<int128>(first.vwap.units) * first.volume;
  oi_before_ = first.oi - first.oi_change;
}

void bar_merger::append(const bar& next) {
  auto& b = *open_;
  b.high = std::max(b.high, next.high);
  b.low = std::min(b.low, next.low);
  b.close = next.close;
  b.ticks += next.ticks;
  b.flags |= next.flags;
  b.last = next.last;
  b.revision = std::max(b.revision, next.revision);
  if ((next.fields & bar::volume_known) != 0) {
    b.fields |= bar::volume_known;
    b.volume += next.volume;
    value_ += static_cast<int128>(next.vwap.units) * next.volume;
  }
  if ((next.fields & bar::oi_known) != 0) {
    if ((b.fields & bar::oi_known) == 0) {
      b.fields |= next.fields & (bar::oi_known | bar::oi_change_known);
      oi_before_ = next.oi - next.oi_change;
    }
    b.oi = next.oi;
  }
}

std::optional<bar> bar_merger::take_last() {
  auto b = std::exchange(open_, std::nullopt);
  if (!b) return b;
  if ((b->fields & bar::volume_known) != 0 && b->volume > 0) {
    b->fields |= bar::vwap_known;
    b->vwap = {divide_half_even(value_, b->volume)};
  }
  if ((b->fields & bar::oi_change_known) != 0) b->oi_change = b->oi - oi_before_;
  return b;
}

result<std::vector<bar>> merge_bars(std::span<const bar> shorter, timeframe longer,
                                    const calendar_ptr& cal) {
  bar_merger merger(longer, cal);
  std::vector<bar> all;
  for (const auto& b : shorter) {
    auto left = merger.add(b);
    if (!left) return tl::unexpected(std::move(left.error()));
    if (*left) all.push_back(**left);
  }
  if (const auto last = merger.take_last()) all.push_back(*last);
  return all;
}

}  // namespace artham::market

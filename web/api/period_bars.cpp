#include "web/api/period_bars.hpp"

#include <algorithm>
#include <utility>

#include "market/bar_merge.hpp"

namespace artham::web {

namespace {

/// The most days that a period has.
std::size_t days_in(market::timeframe period) {
  return period.kind == market::timeframe::unit::week
             ? 7
             : 31 * static_cast<std::size_t>(period.length);
}

market::timestamp end_of_period(market::timeframe period, const market::calendar& cal,
                                market::timestamp t) {
  const auto bounds = market::period_bounds(period, cal, cal.day_of(t).trading_date);
  return std::max(bounds.end, t);
}

}  // namespace

result<std::vector<served_bar>> read_period_bars(store::reader& reader, const store::bar_query& q,
                                                 const market::calendar_ptr& cal) {
  auto days = q;
  days.timeframe = market::one_trading_day;
  // A period that starts before `to` goes on behind it. One that starts before `from` is cut off
  // below, whatever is read of it.
  if (q.to != market::never) days.to = end_of_period(q.timeframe, *cal, q.to);
  // Two periods more: the oldest one read may lack days, and the newest may begin behind `to`.
  days.limit = (q.limit + 2) * days_in(q.timeframe);
  auto rows = reader.bars(days);
  if (!rows) return tl::unexpected(rows.error());
  const bool cut = rows->size() >= days.limit;

  std::vector<market::bar> shorter;
  for (const auto& r : *rows) shorter.push_back(r.bar);
  auto merged = market::merge_bars(shorter, q.timeframe, cal);
  if (!merged) return tl::unexpected(merged.error());
  std::vector<served_bar> all;
  for (const auto& b : *merged) all.push_back({b, true});
  // More days may be to come, or were not read.
  if (!all.empty() && shorter.back().end < all.back().bar.end) all.back().final = false;
  if (cut && !all.empty()) all.erase(q.newest_first ? all.begin() : std::prev(all.end()));
  std::erase_if(all,
                [&](const served_bar& p) { return p.bar.start < q.from || p.bar.start >= q.to; });
  if (all.size() > q.limit) {
    const auto surplus = static_cast<std::ptrdiff_t>(all.size() - q.limit);
    if (q.newest_first) {
      all.erase(all.begin(), all.begin() + surplus);
    } else {
      all.erase(all.end() - surplus, all.end());
    }
  }
  return all;
}

}  // namespace artham::web

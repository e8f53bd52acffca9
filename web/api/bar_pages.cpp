#include "web/api/bar_pages.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace artham::web {

result<bar_page> bar_pages::read(const store::bar_query& q) const {
  auto wanted = q;
  ++wanted.limit;  // one more tells whether there are more
  auto found = rows(wanted);
  if (!found) return tl::unexpected(found.error());
  bar_page page{std::move(*found), std::nullopt};
  if (page.rows.size() > q.limit) {
    page.rows.erase(q.newest_first ? page.rows.begin() : std::prev(page.rows.end()));
    const auto& end = (q.newest_first ? page.rows.front() : page.rows.back()).bar;
    page.next = {end.start, end.revision};
  }
  if (!indicators_.empty()) {
    const auto done = add_indicators(page.rows, q, indicators_, calendar_of_,
                                     [this](const store::bar_query& other) { return rows(other); });
    if (!done) return tl::unexpected(done.error());
  }
  if (descending_) std::ranges::reverse(page.rows);
  return page;
}

result<std::vector<served_bar>> bar_pages::rows(const store::bar_query& q) const {
  std::vector<served_bar> all;
  if (official_) {
    const auto candles = reader_.candles(store::kite_source, q);
    if (!candles) return tl::unexpected(candles.error());
    for (const auto& b : *candles) all.push_back({b, true});
    return all;
  }
  if (market::is_period(q.timeframe)) {
    const auto calendar = calendar_of_ ? calendar_of_(q.token) : nullptr;
    if (!calendar) return fail(errc::not_found, "no calendar is known for the instrument");
    return read_period_bars(reader_, q, calendar);
  }
  const auto stored = reader_.bars(q);
  if (!stored) return tl::unexpected(stored.error());
  all.reserve(stored->size());
  for (const auto& r : *stored) all.push_back({r.bar, true});
  return all;
}

}  // namespace artham::web

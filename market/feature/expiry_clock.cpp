#include "market/feature/expiry_clock.hpp"

#include <algorithm>
#include <utility>

namespace artham::market::feature {

namespace {

constexpr int days_a_year = 365;
constexpr duration usual_close = 15 * hour + 30 * minute;

duration in_session(const trading_day& d, timestamp from) {
  duration sum = 0;
  for (const auto& s : d.sessions) sum += std::max<duration>(0, s.close - std::max(from, s.open));
  return sum;
}

}  // namespace

duration time_in_session(const calendar& c, date first, date last) {
  duration sum = 0;
  for (auto d = first; d <= last; ++d.days) sum += in_session(c.day(d), 0);
  return sum;
}

duration trading_year(const calendar& c, date last) {
  const auto sum = time_in_session(c, {last.days - days_a_year + 1}, last);
  return sum == 0 ? days_a_year * day : sum;
}

timestamp expiry_instant(const calendar& c, date expiry) {
  const auto day = c.day(expiry);
  if (!day.sessions.empty()) return day.sessions.back().close;
  return day.begin + usual_close;
}

expiry_clock::expiry_clock(calendar_ptr cal, date expiry, year_rule rule)
    : calendar_(std::move(cal)),
      expiry_(expiry),
      rule_(rule),
      end_(expiry_instant(*calendar_, expiry)) {
  year_ = static_cast<double>(rule_ == year_rule::calendar ? days_a_year * day
                                                           : trading_year(*calendar_, expiry));
}

duration expiry_clock::trading_left(timestamp t) {
  if (t < today_.begin || t >= today_.end) {
    today_ = calendar_->day_of(t);
    after_today_ = time_in_session(*calendar_, {today_.trading_date.days + 1}, expiry_);
  }
  return in_session(today_, t) + after_today_;
}

double expiry_clock::years(timestamp t) {
  if (t >= end_) return 0;
  return static_cast<double>(rule_ == year_rule::calendar ? end_ - t : trading_left(t)) / year_;
}

}  // namespace artham::market::feature

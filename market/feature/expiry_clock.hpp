#pragma once

#include "market/calendar.hpp"
#include "market/feature/chain_rules.hpp"
#include "market/time.hpp"

namespace artham::market::feature {

/// The instant at which contracts of this expiry end: the close of that date's last session, or
/// 15:30 there when the calendar has none.
[[nodiscard]] timestamp expiry_instant(const calendar& c, date expiry);

/// Time in session on these dates, both included.
[[nodiscard]] duration time_in_session(const calendar& c, date first, date last);
/// Time in session of the 365 days up to a date; that of the days themselves where there is none.
[[nodiscard]] duration trading_year(const calendar& c, date last);

/// Time to one expiry, to the last nanosecond.
class expiry_clock {
 public:
  expiry_clock(calendar_ptr cal, date expiry, year_rule rule);

  [[nodiscard]] timestamp end() const { return end_; }
  /// Years left at `t`; 0 from the end on.
  [[nodiscard]] double years(timestamp t);

 private:
  /// Nanoseconds in session from `t` on, up to the end.
  [[nodiscard]] duration trading_left(timestamp t);

  calendar_ptr calendar_;
  date expiry_;
  year_rule rule_;
  timestamp end_ = 0;
  double year_ = 0;           ///< nanoseconds that count as a year
  trading_day today_;         ///< of the last call
  duration after_today_ = 0;  ///< in session on later days
};

}  // namespace artham::market::feature

#pragma once

#include <vector>

#include "market/calendar.hpp"
#include "market/time.hpp"

namespace artham::actors {

/// Decides which clock marks market time owes: exact multiples of the interval from a session's
/// open until its close + lateness + 1 s, for any of the calendars in force.
class market_clock {
 public:
  market_clock(std::vector<market::calendar_ptr> calendars, market::duration interval,
               market::duration lateness);

  /// Continues behind a mark that is journaled already.
  void start_behind(market::timestamp last);
  /// Appends the marks due when market time moves on to `now`. A leap of more than `leap_limit`
  /// marks gives only the last mark of each session in it. Time that goes back gives nothing.
  void advance(market::timestamp now, std::vector<market::timestamp>& due);
  /// The mark owed at a start and after a gap, whatever the hour: the last multiple at or before
  /// `now`, unless a mark at or behind it was given already.
  void force(market::timestamp now, std::vector<market::timestamp>& due);

  [[nodiscard]] market::timestamp last() const { return last_; }

  static constexpr std::int64_t leap_limit = 240;

 private:
  struct window {
    market::timestamp from = 0;
    market::timestamp to = 0;  ///< inclusive
  };
  [[nodiscard]] bool inside(market::timestamp t);

  std::vector<market::calendar_ptr> calendars_;
  std::vector<window> windows_;  ///< per calendar: the session that is on or comes next
  market::duration interval_;
  market::duration after_close_;
  market::timestamp last_ = 0;
};

}  // namespace artham::actors

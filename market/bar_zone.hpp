#pragma once

#include <span>

#include "market/calendar.hpp"
#include "market/timeframe.hpp"

namespace artham::market {

/// A stretch of one trading day that lies wholly inside or wholly outside of a session: as long as
/// ticks stay in it, no calendar needs to be asked.
struct bar_zone {
  timestamp begin = 0;  ///< inclusive
  timestamp end = 0;    ///< exclusive; begin == end: nothing known yet
  timestamp day_begin = 0;
  timestamp day_end = 0;
  timestamp day_open = never;   ///< of the day's first session; `never` without sessions
  timestamp day_close = never;  ///< of the day's last session
  bool in_session = false;
  bool is_short = false;   ///< the session
  bool has_short = false;  ///< any session of the day

  [[nodiscard]] bool contains(timestamp t) const { return t >= begin && t < end; }
};

[[nodiscard]] bar_zone zone_at(const calendar& cal, timestamp t);

struct bar_bounds {
  timestamp start = 0;
  timestamp end = 0;
};

/// Bounds of the time bar that holds `t`, which lies in `zone`, a session.
[[nodiscard]] bar_bounds bounds_of(const timeframe& tf, const bar_zone& zone, timestamp t);
/// When the first of the bars that hold `t` ends, or no sooner: when an event bar ends is told by
/// ticks.
[[nodiscard]] timestamp earliest_end(std::span<const timeframe> timeframes, const bar_zone& zone,
                                     timestamp t);

}  // namespace artham::market

#pragma once

#include <optional>
#include <span>
#include <vector>

#include "market/bar.hpp"
#include "market/bar_zone.hpp"
#include "market/calendar.hpp"
#include "market/timeframe.hpp"

namespace artham::market {

/// From the open of the first session to the close of the last one of the week (Monday to Sunday),
/// month, quarter, half-year or year of a trading date; both 0 when it has no session.
[[nodiscard]] bar_bounds period_bounds(timeframe period, const calendar& cal, date trading_date);

/// Makes longer bars of one instrument out of shorter ones. All columns are those of bars built
/// from the same ticks, but for `vwap`, which is made of the shorter bars' rounded ones, and
/// `revision`, which is the largest one. OI change is against the OI before the first of the bars
/// that have any.
class bar_merger {
 public:
  bar_merger(timeframe longer, calendar_ptr cal) : longer_(longer), cal_(std::move(cal)) {}

  /// The next bar in order of start; returns the longer bar that it leaves behind, if any. Refuses
  /// a bar outside of sessions, one that begins before the end of the one before it, and one that
  /// does not lie within one longer bar.
  result<std::optional<bar>> add(const bar& shorter);
  /// The longer bar that has not been left yet.
  [[nodiscard]] std::optional<bar> take_last();

 private:
  [[nodiscard]] bar_bounds bounds_at(timestamp t) const;
  void begin(const bar& first, bar_bounds bounds);
  void append(const bar& next);

  timeframe longer_;
  calendar_ptr cal_;
  std::optional<bar> open_;
  timestamp end_before_ = INT64_MIN;  ///< of the shorter bar before
  int128 value_ = 0;                  ///< sum of vwap x volume
  std::int64_t oi_before_ = 0;
};

/// All of them, in order; the last one may be unfinished.
[[nodiscard]] result<std::vector<bar>> merge_bars(std::span<const bar> shorter, timeframe longer,
                                                  const calendar_ptr& cal);

}  // namespace artham::market

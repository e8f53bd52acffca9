#pragma once

#include <algorithm>

#include "market/time.hpp"

namespace artham::feed::kite {

/// Announces each multiple of an interval exactly once and in order. A host that slept is caught up
/// on for the last `max_missed` multiples; a clock that is set back announces nothing until it has
/// passed where it was.
class interval_clock {
 public:
  static constexpr std::int64_t max_missed = 1'000;

  explicit interval_clock(market::duration interval) : interval_(interval) {}

  /// Calls fn(multiple) for each multiple up to `now` that was not announced; the first call
  /// announces only the newest.
  template <class Fn>
  void advance(market::timestamp now, Fn&& fn) {
    const market::timestamp newest = now - now % interval_;
    if (last_ == 0) last_ = newest - interval_;
    last_ = std::max(last_, newest - max_missed * interval_);
    while (last_ < newest) {
      last_ += interval_;
      fn(last_);
    }
  }

  /// From `now` to the next multiple.
  [[nodiscard]] market::duration until_next(market::timestamp now) const {
    return interval_ - now % interval_;
  }

 private:
  market::duration interval_;
  market::timestamp last_ = 0;
};

}  // namespace artham::feed::kite

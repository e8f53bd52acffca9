#pragma once

#include <optional>

#include "market/bar.hpp"
#include "market/time.hpp"

namespace artham::market::indicator {

/// Volume-weighted average of the typical prices (high + low + close) / 3 of a trading day, and
/// their volume-weighted standard deviation, by the updates of D. H. D. West (1979), in which
/// nothing cancels: prices that do not move deviate by exactly 0. In units of 1e-9.
class session_vwap {
 public:
  struct value {
    double mean = 0;
    double deviation = 0;
  };
  /// A bar without volume counts for nothing; nothing until one of this day had some.
  std::optional<value> add(const bar& b, date trading_date);

 private:
  std::optional<date> date_;
  double volume_ = 0;
  double mean_ = 0;
  double squares_ = 0;  ///< sum of volume x squared deviation
};

}  // namespace artham::market::indicator

#pragma once

#include <cstddef>
#include <optional>

#include "market/bar.hpp"
#include "market/indicator/averages.hpp"

namespace artham::market::indicator {

/// Relative strength index (Wilder 1978): 100 G / (G + L) of the smoothed gains and losses from
/// close to close, so from the bar n + 1 on. 100 without losses; nothing while neither is known to
/// be there.
class rsi {
 public:
  explicit rsi(std::size_t n) : gains_(smoothed::by::wilder, n), losses_(smoothed::by::wilder, n) {}
  std::optional<double> add(price close);

 private:
  std::optional<price> before_;
  smoothed gains_, losses_;
};

/// Average true range (Wilder 1978), smoothed: of high - low, |high - close before| and |low -
/// close before| the largest; high - low of the first bar.
class atr {
 public:
  explicit atr(std::size_t n) : ranges_(smoothed::by::wilder, n) {}
  std::optional<double> add(const bar& b);

 private:
  std::optional<price> before_;
  smoothed ranges_;
};

}  // namespace artham::market::indicator

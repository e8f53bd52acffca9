#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "market/price.hpp"

/// Doubles here are prices in units of 1e-9, and each is computed by the same operations in the
/// same order from the first bar on: adding bars one by one gives the bits that a batch gives.
namespace artham::market::indicator {

/// Mean of the last n closes: exact sums, rounded half to even.
class sma {
 public:
  explicit sma(std::size_t n) : ring_(n) {}
  std::optional<price> add(price close);

 private:
  std::vector<price> ring_;
  std::size_t count_ = 0;
  int128 sum_ = 0;
};

/// Mean of the first n values, then each time `step` of the way to the next one. The exponential
/// moving average has the step 2 / (n + 1); J. W. Wilder's smoothing (New Concepts in Technical
/// Trading Systems, 1978) is (a (n - 1) + x) / n.
class smoothed {
 public:
  enum class by { exponential, wilder };
  smoothed(by how, std::size_t n) : how_(how), n_(n) {}
  std::optional<double> add(double x);

 private:
  by how_;
  std::size_t n_;
  std::size_t count_ = 0;
  double value_ = 0;  ///< a sum until there are n
};

}  // namespace artham::market::indicator

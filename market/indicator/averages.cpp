#include "market/indicator/averages.hpp"

namespace artham::market::indicator {

std::optional<price> sma::add(price close) {
  const auto n = ring_.size();
  auto& place = ring_[count_++ % n];
  sum_ += int128{close.units} - place.units;
  place = close;
  if (count_ < n) return std::nullopt;
  return price{divide_half_even(sum_, static_cast<std::int64_t>(n))};
}

std::optional<double> smoothed::add(double x) {
  const auto n = static_cast<double>(n_);
  if (count_ < n_) {
    value_ += x;
    if (++count_ < n_) return std::nullopt;
    value_ /= n;
    return value_;
  }
  if (how_ == by::exponential) {
    value_ += 2 / (n + 1) * (x - value_);
  } else {
    value_ = (value_ * (n - 1) + x) / n;
  }
  return value_;
}

}  // namespace artham::market::indicator

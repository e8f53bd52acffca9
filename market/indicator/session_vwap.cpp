#include "market/indicator/session_vwap.hpp"

#include <algorithm>
#include <cmath>

namespace artham::market::indicator {

std::optional<session_vwap::value> session_vwap::add(const bar& b, date trading_date) {
  if (date_ != trading_date) {
    date_ = trading_date;
    volume_ = mean_ = squares_ = 0;
  }
  if ((b.fields & bar::volume_known) != 0 && b.volume > 0) {
    const auto weight = static_cast<double>(b.volume);
    const double typical =
        static_cast<double>(int128{b.high.units} + b.low.units + b.close.units) / 3;
    volume_ += weight;
    const double away = typical - mean_;
    mean_ += away * (weight / volume_);
    squares_ += weight * (away * (typical - mean_));
  }
  if (volume_ == 0) return std::nullopt;
  return value{mean_, std::sqrt(std::max(squares_, 0.0) / volume_)};
}

}  // namespace artham::market::indicator

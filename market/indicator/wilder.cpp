#include "market/indicator/wilder.hpp"

#include <algorithm>

namespace artham::market::indicator {

namespace {

double units(price p) {
  return static_cast<double>(p.units);
}

}  // namespace

std::optional<double> rsi::add(price close) {
  if (!before_) {
    before_ = close;
    return std::nullopt;
  }
  const double change = units(close) - units(*before_);
  before_ = close;
  const auto gain = gains_.add(std::max(change, 0.0));
  const auto loss = losses_.add(std::max(-change, 0.0));
  if (!gain || *gain + *loss == 0) return std::nullopt;
  return 100 * (*gain / (*gain + *loss));
}

std::optional<double> atr::add(const bar& b) {
  const double high = std::max(units(b.high), before_ ? units(*before_) : units(b.high));
  const double low = std::min(units(b.low), before_ ? units(*before_) : units(b.low));
  before_ = b.close;
  return ranges_.add(high - low);
}

}  // namespace artham::market::indicator

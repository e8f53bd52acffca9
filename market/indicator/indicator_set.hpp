#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "market/bar.hpp"
#include "market/indicator/averages.hpp"
#include "market/indicator/session_vwap.hpp"
#include "market/indicator/spec.hpp"
#include "market/indicator/wilder.hpp"

namespace artham::market::indicator {

/// SMA, EMA, ATR, VWAP and its bands are prices, rounded half to even to 1e-9; RSI is a number from
/// 0 to 100.
struct value {
  enum class form : std::uint8_t { none, price, number };
  form is = form::none;  ///< none: not warm
  market::price price;
  double number = 0;
  friend bool operator==(const value&, const value&) = default;
};

/// Indicators over the bars of one instrument and timeframe.
class indicator_set {
 public:
  explicit indicator_set(std::span<const spec> specs);

  /// The next final bar in order of start; values in the order of `column_names`.
  std::vector<value> add(const bar& b, date trading_date);

 private:
  struct ema {
    smoothed mean;
  };
  struct bands {
    session_vwap vwap;
    double width;  ///< 0: none
  };
  using state = std::variant<sma, ema, rsi, atr, bands>;

  static state make(const spec& s);

  std::vector<state> states_;
};

}  // namespace artham::market::indicator

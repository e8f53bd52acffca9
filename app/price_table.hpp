#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "market/option/option.hpp"

namespace artham::app {

/// A row of a table of options: terms, and either its volatility or its price.
struct price_row {
  market::option::pricing model = market::option::pricing::black_scholes;
  market::option::terms terms;
  bool by_volatility = true;
  double given = 0;        ///< the volatility, or the price
  std::string terms_text;  ///< the cells from model to dividend as they came, joined by commas
  std::string given_text;
};

/// Reads a CSV with the columns model, type, underlying, strike, years, rate, dividend, volatility,
/// price, in any order and among others; errors name row (the line, counted from 1) and field.
[[nodiscard]] result<std::vector<price_row>> parse_price_table(std::string_view text);

/// The rows with volatility, price, iv, Greeks and state; doubles in the shortest form that reads
/// back the same, empty where undefined.
[[nodiscard]] std::string priced_table(const std::vector<price_row>& rows);

}  // namespace artham::app

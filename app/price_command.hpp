#pragma once

#include <filesystem>

namespace artham::app {

struct price_options {
  std::filesystem::path in;
  std::filesystem::path out;
};
/// Prices a table of options: price, implied volatility, Greeks and state of each row; returns the
/// exit code.
int price(const price_options& options);

}  // namespace artham::app

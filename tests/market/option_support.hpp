#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "market/option/option.hpp"

namespace option_test {

using namespace artham::market::option;  // NOLINT(google-build-using-namespace)

/// One row of a table with named columns.
class row {
 public:
  row(const std::map<std::string, std::size_t>& columns, std::vector<std::string> cells)
      : columns_(&columns), cells_(std::move(cells)) {}
  [[nodiscard]] const std::string& text(const std::string& column) const {
    return cells_.at(columns_->at(column));
  }
  [[nodiscard]] double operator[](const std::string& column) const {
    return std::stod(text(column));
  }

 private:
  const std::map<std::string, std::size_t>* columns_;
  std::vector<std::string> cells_;
};

/// Calls `each` for every row of a file of ../shared/data; returns how many there were. Says so and
/// returns 0 when the data beside the checkout is absent.
std::size_t shared_csv(const std::string& name, const std::function<void(const row&)>& each);
/// The same of ../shared/data/options.
std::size_t shared_table(const std::string& name, const std::function<void(const row&)>& each);

/// |a - b| <= tolerance, also false for NaN.
[[nodiscard]] bool near(double a, double b, double tolerance);

/// Every number is finite.
[[nodiscard]] bool sane(const valuation& v);

}  // namespace option_test

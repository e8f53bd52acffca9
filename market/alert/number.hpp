#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "market/price.hpp"

namespace artham::market::alert {

/// A value as conditions compare it: exact, in units of 1e-9. Wide enough for every price, quantity
/// and sum of quantities.
struct number {
  int128 units = 0;
  friend bool operator==(const number&, const number&) = default;
  friend std::strong_ordering operator<=>(const number& a, const number& b) {
    if (a.units == b.units) return std::strong_ordering::equal;
    return a.units < b.units ? std::strong_ordering::less : std::strong_ordering::greater;
  }
};

/// Exact decimal: optional sign, at most 18 digits, optional fraction of at most nine. No exponent.
[[nodiscard]] result<number> parse_number(std::string_view text);
/// Shortest exact decimal.
[[nodiscard]] std::string to_string(number n);

[[nodiscard]] inline number of_price(price p) {
  return {p.units};
}
[[nodiscard]] inline number of_count(std::int64_t n) {
  return {int128{n} * price_scale};
}
/// Rounded half to even to 1e-9; nothing for what is no number, or is above 1e18.
[[nodiscard]] std::optional<number> of_real(double value);
/// numerator / denominator in percent, rounded half to even to 1e-9; nothing unless the denominator
/// is above 0.
[[nodiscard]] std::optional<number> percent_of(price numerator, price denominator);

}  // namespace artham::market::alert

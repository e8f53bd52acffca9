#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "market/error.hpp"

namespace artham::market {

/// A price in units of 1e-9: exact for every exchange that artham knows, up to 9.2e9.
struct price {
  std::int64_t units = 0;
  friend auto operator<=>(const price&, const price&) = default;
};

inline constexpr std::int64_t price_scale = 1'000'000'000;
/// Longest text that `write_price` makes.
inline constexpr std::size_t price_text_max = 24;

/// Exact decimal: optional sign, digits, optional fraction of at most nine significant digits
/// (further digits must be zero). No exponent.
[[nodiscard]] result<price> parse_price(std::string_view text);
/// Shortest exact decimal, no trailing zeros, no exponent. Returns the end of what was written.
char* write_price(char* out, price p);
[[nodiscard]] std::string to_string(price p);

/// Exact decimal times 10^digits, for fractional quantities (`--quantity-scale`).
[[nodiscard]] result<std::int64_t> parse_scaled(std::string_view text, int digits);

__extension__ typedef __int128 int128;

/// For analytics: the same double on every machine.
[[nodiscard]] inline double as_number(price p) {
  return static_cast<double>(p.units) / static_cast<double>(price_scale);
}

/// numerator / denominator rounded half to even; denominator > 0.
[[nodiscard]] std::int64_t divide_half_even(int128 numerator, std::int64_t denominator);

}  // namespace artham::market

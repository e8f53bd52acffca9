#include "market/alert/number.hpp"

#include <algorithm>
#include <cmath>

namespace artham::market::alert {

namespace {

constexpr std::size_t whole_digits = 18;
constexpr std::size_t fraction_digits = 9;
constexpr double largest_real = 1e18;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

result<number> parse_number(std::string_view text) {
  const auto refuse = [&] {
    return fail(errc::bad_input, "'" + std::string(text.substr(0, 40)) +
                                     "' is no decimal of at most 18 digits and nine decimals");
  };
  auto rest = text;
  const bool minus = rest.starts_with('-');
  if (minus || rest.starts_with('+')) rest.remove_prefix(1);
  const auto point = rest.find('.');
  const auto whole = rest.substr(0, point);
  const auto fraction =
      point == std::string_view::npos ? std::string_view() : rest.substr(point + 1);
  const bool fits = whole.size() <= whole_digits && fraction.size() <= fraction_digits;
  const bool complete = !whole.empty() && (point == std::string_view::npos || !fraction.empty());
  if (!fits || !complete || !std::ranges::all_of(whole, is_digit) ||
      !std::ranges::all_of(fraction, is_digit))
    return refuse();
  int128 units = 0;
  for (const char c : whole) units = units * 10 + (c - '0');
  for (std::size_t i = 0; i < fraction_digits; ++i)
    units = units * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  return number{minus ? -units : units};
}

std::string to_string(number n) {
  const bool minus = n.units < 0;
  auto rest = minus ? -n.units : n.units;
  std::string digits;
  for (std::size_t i = 0; i < fraction_digits || rest != 0 || i == fraction_digits; ++i) {
    if (i == fraction_digits) digits += '.';
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  }
  std::ranges::reverse(digits);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.ends_with('.')) digits.pop_back();
  return minus ? "-" + digits : digits;
}

std::optional<number> of_real(double value) {
  if (!(std::abs(value) <= largest_real)) return std::nullopt;
  // nearbyint rounds halves to even; the product is the same double everywhere.
  return number{static_cast<int128>(std::nearbyint(value * static_cast<double>(price_scale)))};
}

std::optional<number> percent_of(price numerator, price denominator) {
  if (denominator.units <= 0) return std::nullopt;
  constexpr int128 scale = int128{100} * price_scale;
  // Above that, the quotient would be beyond every percentage that means something.
  if (numerator.units > INT64_MAX / 100 || numerator.units < INT64_MIN / 100) return std::nullopt;
  const int128 product = int128{numerator.units} * scale;
  const auto quotient = product / denominator.units;
  if (quotient > INT64_MAX - 1 || quotient < -INT64_MAX) return std::nullopt;
  return number{divide_half_even(product, denominator.units)};
}

}  // namespace artham::market::alert

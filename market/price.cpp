#include "market/price.hpp"

#include <charconv>
#include <cstdlib>
#include <limits>

namespace artham::market {

namespace {

constexpr int price_digits = 9;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

tl::unexpected<error> not_a_decimal(std::string_view text) {
  return fail(errc::bad_input,
              "'" + std::string(text) +
                  "' is not a decimal number: expected digits with an optional sign and fraction, "
                  "such as 1234.05");
}

}  // namespace

result<std::int64_t> parse_scaled(std::string_view text, int digits) {
  auto rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest.empty() || !is_digit(rest.front())) return not_a_decimal(text);

  const std::uint64_t limit =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  std::uint64_t value = 0;
  bool too_big = false;
  const auto append = [&](unsigned digit) {
    if (value > (limit - digit) / 10) {
      too_big = true;
    } else {
      value = value * 10 + digit;
    }
  };

  std::size_t at = 0;
  for (; at < rest.size() && is_digit(rest[at]); ++at)
    append(static_cast<unsigned>(rest[at] - '0'));
  int fraction = 0;
  bool too_fine = false;
  if (at < rest.size() && rest[at] == '.') {
    const auto first = ++at;
    for (; at < rest.size() && is_digit(rest[at]); ++at) {
      if (fraction < digits) {
        append(static_cast<unsigned>(rest[at] - '0'));
        ++fraction;
      } else {
        too_fine |= rest[at] != '0';
      }
    }
    if (at == first) return not_a_decimal(text);
  }
  if (at != rest.size()) return not_a_decimal(text);
  if (too_fine) {
    return fail(errc::bad_input, "'" + std::string(text) + "' has more than " +
                                     std::to_string(digits) +
                                     " decimals and cannot be kept exactly");
  }
  for (; fraction < digits; ++fraction) append(0);
  if (too_big) {
    return fail(errc::bad_input, "'" + std::string(text) + "' is out of range: with " +
                                     std::to_string(digits) +
                                     " decimals the value must fit 64 bits");
  }
  return static_cast<std::int64_t>(negative ? 0 - value : value);
}

result<price> parse_price(std::string_view text) {
  return parse_scaled(text, price_digits).map([](std::int64_t units) { return price{units}; });
}

char* write_price(char* out, price p) {
  auto magnitude = static_cast<std::uint64_t>(p.units);
  if (p.units < 0) {
    *out++ = '-';
    magnitude = 0 - magnitude;
  }
  const auto scale = static_cast<std::uint64_t>(price_scale);
  out = std::to_chars(out, out + price_text_max, magnitude / scale).ptr;
  auto fraction = magnitude % scale;
  if (fraction == 0) return out;
  // Most prices have two places.
  constexpr std::uint64_t hundredth = price_scale / 100;
  if (const auto n = fraction / hundredth; n * hundredth == fraction) {
    out[0] = '.';
    out[1] = static_cast<char>('0' + n / 10);
    out[2] = static_cast<char>('0' + n % 10);
    return out + (n % 10 == 0 ? 2 : 3);
  }
  int digits = price_digits;
  while (fraction % 10 == 0) {
    fraction /= 10;
    --digits;
  }
  *out = '.';
  for (int i = digits; i > 0; --i) {
    out[i] = static_cast<char>('0' + fraction % 10);
    fraction /= 10;
  }
  return out + digits + 1;
}

std::string to_string(price p) {
  char text[price_text_max];
  return std::string(text, write_price(text, p));
}

std::int64_t divide_half_even(int128 numerator, std::int64_t denominator) {
  int128 quotient = numerator / denominator;
  const int128 remainder = numerator % denominator;
  const int128 twice = remainder < 0 ? -2 * remainder : 2 * remainder;
  if (twice > denominator || (twice == denominator && quotient % 2 != 0)) {
    quotient += numerator < 0 ? -1 : 1;
  }
  return static_cast<std::int64_t>(quotient);
}

}  // namespace artham::market

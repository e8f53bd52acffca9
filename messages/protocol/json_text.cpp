#include "messages/protocol/json_text.hpp"

#include <array>
#include <bit>
#include <cmath>

namespace artham::protocol {

namespace {

constexpr int digits = 9;
/// Numbers whose nine digits can be written with so many places behind the point.
constexpr double smallest = 1e-8;
constexpr double largest = 1e9;
constexpr std::array<double, 18> powers{1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,
                                        1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};

/// "00" to "99".
constexpr std::array<char, 200> pairs = [] {
  std::array<char, 200> all{};
  for (std::size_t i = 0; i < 100; ++i) {
    all[2 * i] = static_cast<char>('0' + i / 10);
    all[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return all;
}();

/// Places behind the point that nine digits of x have; smallest <= x < largest.
int places_of(double x) {
  const auto exponent = static_cast<int>(std::bit_cast<std::uint64_t>(x) >> 52U) - 1023;
  // log10 of 2 to the exponent, rounded down: at most one below log10 of x.
  const int tens = (exponent * 1233) >> 12;
  int places = digits - 1 - tens;
  if (places > 16) places = 16;
  // The product has nine digits, or ten.
  if (places > 0 && x * powers[static_cast<std::size_t>(places)] >= largest) --places;
  return places < 0 ? 0 : places;
}

}  // namespace

char* write_number(char* out, double value) {
  const double size = std::abs(value);
  if (value == 0) {
    *out = '0';
    return out + 1;
  }
  if (size < smallest || size >= largest) {
    return std::to_chars(out, out + number_text_max, value, std::chars_format::general, digits).ptr;
  }
  int places = places_of(size);
  auto n = static_cast<std::uint64_t>(size * powers[static_cast<std::size_t>(places)] + 0.5);
  // From the end, two digits at a time; a number that has more places than digits has zeros there.
  std::array<char, number_text_max + 2> text;
  char* const end = text.data() + text.size();
  char* at = end;
  int written = 0;
  while (written + 2 <= places) {
    std::memcpy(at -= 2, pairs.data() + n % 100 * 2, 2);
    n /= 100;
    written += 2;
  }
  if (written < places) {
    *--at = static_cast<char>('0' + n % 10);
    n /= 10;
  }
  char* last = end;
  while (last != at && last[-1] == '0') --last;
  if (last != at) {
    *--at = '.';
  } else {
    last = at;
  }
  do {
    *--at = static_cast<char>('0' + n % 10);
    n /= 10;
  } while (n != 0);
  if (value < 0) *--at = '-';
  const auto length = static_cast<std::size_t>(last - at);
  std::memcpy(out, at, length);
  return out + length;
}

}  // namespace artham::protocol

#include "messages/protocol/json_text.hpp"

#include <array>
#include <cmath>
#include <cstddef>

namespace artham::protocol {

namespace {

constexpr int digits = 9;
/// Numbers whose nine digits can be written with so many places behind the point.
constexpr double smallest = 1e-8;
constexpr double largest = 1e9;
constexpr std::array<double, 18> powers{1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,
                                        1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};

/// Places behind the point that nine digits of x have; smallest <= x < largest.
std::size_t places_of(double x) {
  std::size_t places = 0;
  for (double scaled = x; scaled < powers[digits - 1] && places < 16; scaled *= 10) ++places;
  return places;
}

}  // namespace

void put(std::string& out, std::string_view member, double value) {
  out += member;
  const double size = std::abs(value);
  if (size < smallest || size >= largest) {
    char text[32];
    out.append(text, value == 0 ? std::to_chars(text, text + sizeof text, 0).ptr
                                : std::to_chars(text, text + sizeof text, value,
                                                std::chars_format::general, digits)
                                      .ptr);
    return;
  }
  auto places = places_of(size);
  auto n = static_cast<std::uint64_t>(std::llround(size * powers[places]));
  while (places != 0 && n % 10 == 0) {
    n /= 10;
    --places;
  }
  char text[32];
  char* const end = text + sizeof text;
  char* at = end;
  for (std::size_t i = 0; n != 0 || i <= places; ++i) {
    if (i == places && places != 0) *--at = '.';
    *--at = static_cast<char>('0' + n % 10);
    n /= 10;
  }
  if (value < 0) *--at = '-';
  out.append(at, end);
}

}  // namespace artham::protocol

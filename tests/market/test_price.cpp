#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <limits>
#include <string>

#include "market/price.hpp"

using namespace artham;
using namespace artham::market;

namespace {

std::int64_t units(std::string_view text) {
  const auto p = parse_price(text);
  REQUIRE_MESSAGE(p.has_value(), text);
  return p->units;
}

std::string refusal(std::string_view text) {
  const auto p = parse_price(text);
  REQUIRE_MESSAGE(!p.has_value(), text);
  CHECK(p.error().code == errc::bad_input);
  return p.error().message;
}

}  // namespace

TEST_CASE("a price is read exactly") {
  CHECK(units("0") == 0);
  CHECK(units("-0.0") == 0);
  CHECK(units("24301.35") == 24'301'350'000'000);
  CHECK(units("+0.05") == 50'000'000);
  CHECK(units("-1.000000001") == -1'000'000'001);
  CHECK(units("84.1234567") == 84'123'456'700);
  CHECK(units("007.5") == 7'500'000'000);
  CHECK(units("1.10000000000000000000000000") == 1'100'000'000);
  CHECK(units("9223372036.854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(units("-9223372036.854775808") == std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("what is no exact price is refused with the text in the message") {
  for (const auto* text : {"", "-", "+", ".", ".5", "5.", "1e5", "1,000", " 1", "1 ", "--1",
                           "1.2.3", "nan", "0x10", "1.5 "}) {
    CHECK(refusal(text).find("'" + std::string(text) + "' is not a decimal number") !=
          std::string::npos);
  }
  CHECK(refusal("1.0000000001").find("more than 9 decimals") != std::string::npos);
  for (const auto* text : {"9223372036.854775808", "-9223372036.854775809", "92233720368",
                           "99999999999999999999999999"}) {
    CHECK(refusal(text).find("out of range") != std::string::npos);
  }
}

TEST_CASE("a price is printed as the shortest exact decimal") {
  CHECK(to_string(price{0}) == "0");
  CHECK(to_string(price{1}) == "0.000000001");
  CHECK(to_string(price{-50'000'000}) == "-0.05");
  CHECK(to_string(price{24'301'350'000'000}) == "24301.35");
  CHECK(to_string(price{100'000'000'000}) == "100");
  CHECK(to_string(price{std::numeric_limits<std::int64_t>::min()}) == "-9223372036.854775808");
  CHECK(to_string(price{std::numeric_limits<std::int64_t>::max()}) == "9223372036.854775807");
}

TEST_CASE("parse(print(x)) == x, and print(x) is no longer than promised") {
  CHECK(rc::check("any 64-bit price survives", [](std::int64_t value) {
    const auto text = to_string(price{value});
    RC_ASSERT(text.size() <= price_text_max);
    RC_ASSERT(parse_price(text).value() == price{value});
  }));
  CHECK(rc::check("also extremes and round values", [] {
    const auto exponent = *rc::gen::inRange(0, 18);
    std::int64_t value = *rc::gen::arbitrary<std::int64_t>();
    for (int i = 0; i < exponent; ++i) value = value / 10 * 10 / 10;
    for (int i = 0; i < exponent; ++i) value *= 10;
    RC_ASSERT(parse_price(to_string(price{value})).value() == price{value});
  }));
}

TEST_CASE("scaled quantities") {
  CHECK(parse_scaled("0.00012300", 8) == result<std::int64_t>(12'300));
  CHECK(parse_scaled("75", 0) == result<std::int64_t>(75));
  CHECK(parse_scaled("75.0", 0) == result<std::int64_t>(75));
  CHECK(parse_scaled("-9223372036854775808", 0) ==
        result<std::int64_t>(std::numeric_limits<std::int64_t>::min()));
  CHECK_FALSE(parse_scaled("0.5", 0).has_value());
  CHECK_FALSE(parse_scaled("9223372036854775808", 0).has_value());
  CHECK_FALSE(parse_scaled("92233720369", 8).has_value());
}

TEST_CASE("division rounds half to even") {
  CHECK(divide_half_even(5, 2) == 2);
  CHECK(divide_half_even(7, 2) == 4);
  CHECK(divide_half_even(-5, 2) == -2);
  CHECK(divide_half_even(-7, 2) == -4);
  CHECK(divide_half_even(10, 4) == 2);
  CHECK(divide_half_even(11, 4) == 3);
  CHECK(divide_half_even(-11, 4) == -3);
  CHECK(divide_half_even(1, 3) == 0);
  CHECK(divide_half_even(2, 3) == 1);
  CHECK(divide_half_even(0, 7) == 0);
  const auto huge = static_cast<int128>(std::numeric_limits<std::int64_t>::max()) * 1'000'000;
  CHECK(divide_half_even(huge, 1'000'000) == std::numeric_limits<std::int64_t>::max());
  CHECK(rc::check("is within half a unit, ties even", [](std::int32_t n) {
    const std::int64_t d = *rc::gen::inRange(1, 1000);
    const auto q = divide_half_even(n, d);
    const auto off = n - q * d;
    RC_ASSERT(2 * (off < 0 ? -off : off) <= d);
    if (2 * off == d || 2 * off == -d) RC_ASSERT(q % 2 == 0);
  }));
}

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <string>

#include "messages/protocol/json_text.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)

namespace {

std::string text_of(double x) {
  std::string out;
  protocol::put(out, "", x);
  return out;
}

}  // namespace

TEST_CASE("numbers of nine digits as people write them") {
  CHECK(text_of(0) == "0");
  CHECK(text_of(-0.0) == "0");
  CHECK(text_of(1) == "1");
  CHECK(text_of(-12.5) == "-12.5");
  CHECK(text_of(25'873.975) == "25873.975");
  CHECK(text_of(1.0 / 3) == "0.333333333");
  CHECK(text_of(-2.0 / 3) == "-0.666666667");
  CHECK(text_of(0.99999999999) == "1");
  CHECK(text_of(99'999.99999999) == "100000");
  CHECK(text_of(0.0008627542501119205) == "0.00086275425");
  CHECK(text_of(1e-8) == "0.00000001");
  CHECK(text_of(1.23456789012e-8) == "0.0000000123456789");
  CHECK(text_of(1e-9) == "1e-09");
  CHECK(text_of(1.5e-300) == "1.5e-300");
  CHECK(text_of(123'456'789) == "123456789");
  CHECK(text_of(999'999'999.4) == "999999999");
  CHECK(text_of(5'449'643'948.5704) == "5.44964395e+09");
}

TEST_CASE("every number reads back to nine digits") {
  const bool held = rc::check([](double mantissa) {
    const double x = std::ldexp(std::fmod(mantissa, 1.0), *rc::gen::inRange(-60, 60));
    RC_PRE(std::isfinite(x));
    const auto text = text_of(x);
    const double back = std::stod(text);
    RC_ASSERT(std::abs(back - x) <= 5.0000001e-9 * std::abs(x));
    RC_ASSERT(text.size() <= 20U);
  });
  CHECK(held);
}

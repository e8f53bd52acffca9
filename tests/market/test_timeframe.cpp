#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>

#include "market/timeframe.hpp"

using namespace artham;
using namespace artham::market;

namespace {

std::string canonical(std::string_view text) {
  const auto tf = parse_timeframe(text);
  return tf ? to_string(*tf) : tf.error().message;
}

std::string list(std::string_view text) {
  const auto parsed = parse_timeframes(text);
  if (!parsed) return parsed.error().message;
  std::string out;
  for (const auto tf : *parsed) out += (out.empty() ? "" : " ") + to_string(tf);
  return out;
}

}  // namespace

TEST_CASE("one length has one name") {
  CHECK(canonical("1m") == "1m");
  CHECK(canonical("60s") == "1m");
  CHECK(canonical("90s") == "90s");
  CHECK(canonical("60m") == "1h");
  CHECK(canonical("3600s") == "1h");
  CHECK(canonical("75m") == "75m");
  CHECK(canonical("125m") == "125m");
  CHECK(canonical("120m") == "2h");
  CHECK(canonical("4500s") == "75m");
  CHECK(canonical("24h") == "24h");
  CHECK(canonical("1D") == "1D");
  for (const auto* period : {"1W", "1M", "3M", "6M", "1Y"}) {
    const auto tf = parse_timeframe(period);
    REQUIRE(tf);
    CHECK(to_string(*tf) == period);
    CHECK(is_period(*tf));
    const auto listed = parse_timeframes(std::string("1m ") + period);
    REQUIRE_FALSE(listed);
    CHECK(listed.error().message.find("made of 1D bars") != std::string::npos);
  }
  CHECK(parse_timeframe("60m") == parse_timeframe("1h"));
  CHECK(parse_timeframe("24h") != parse_timeframe("1D"));
  CHECK(rc::check("the canonical text means the same", [] {
    const auto seconds = *rc::gen::inRange(1, 86'401);
    const timeframe tf{timeframe::unit::intraday, seconds * second};
    RC_ASSERT(parse_timeframe(to_string(tf)).value() == tf);
  }));
}

TEST_CASE("what is no timeframe names the text and the accepted forms") {
  for (const auto* text : {"", "m", "5", "5x", "5 m", "-5m", "0m", "1.5m", "25h", "1441m", "1d",
                           "5min", "99999999999999999999m", "9223372036854775807h"}) {
    const auto tf = parse_timeframe(text);
    REQUIRE_MESSAGE(!tf.has_value(), text);
    CHECK(tf.error().code == errc::bad_input);
    CHECK(tf.error().message.find("'" + std::string(text) + "'") != std::string::npos);
    CHECK(tf.error().message.find("30s 5m 75m 1h") != std::string::npos);
  }
  for (const auto* text : {"2W", "2M", "12M", "2Y", "2D", "100t", "50000v", "10r"}) {
    const auto tf = parse_timeframe(text);
    REQUIRE_MESSAGE(!tf.has_value(), text);
    CHECK(tf.error().code == errc::unsupported);
  }
}

TEST_CASE("a list is sorted by length and has no duplicates") {
  CHECK(list("1D 5m,1m, 75m 1h") == "1m 5m 1h 75m 1D");
  CHECK(list("1m 3m 5m 15m 25m 30m 1h 75m 125m 1D") == "1m 3m 5m 15m 25m 30m 1h 75m 125m 1D");
  CHECK(list("60m,1h") == "timeframe '1h' is listed twice in '60m,1h' (as 1h); remove one of them");
  CHECK(list("").starts_with("no timeframe given"));
  CHECK(list(" , ").starts_with("no timeframe given"));
  CHECK(list("1m,zz").starts_with("timeframe 'zz'"));
  std::string many;
  for (int i = 1; i <= 33; ++i) many += std::to_string(i) + "s ";
  CHECK(list(many) == "33 timeframes given, at most 32 are possible");
}

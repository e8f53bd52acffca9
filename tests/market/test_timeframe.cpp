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
  for (const auto* text : {"",
                           "m",
                           "5",
                           "5x",
                           "5 m",
                           "-5m",
                           "0m",
                           "1.5m",
                           "25h",
                           "1441m",
                           "1d",
                           "5min",
                           "99999999999999999999m",
                           "9223372036854775807h",
                           "0t",
                           "-1t",
                           "1.5t",
                           "t",
                           "1000000001t",
                           "99999999999999999999t",
                           "0v",
                           "-5v",
                           "v",
                           "9223372036854775808v",
                           "1e6v",
                           "0n",
                           "-1n",
                           "0.5n",
                           "1,000n",
                           "n",
                           "0r",
                           "0.0r",
                           "-2.5r",
                           "+2.5r",
                           "r",
                           "2.5.1r",
                           ".r",
                           "0.0000000001r",
                           "9300000000r",
                           "100T",
                           "5 t",
                           "100tt"}) {
    const auto tf = parse_timeframe(text);
    REQUIRE_MESSAGE(!tf.has_value(), text);
    CHECK(tf.error().code == errc::bad_input);
    CHECK(tf.error().message.find("'" + std::string(text) + "'") != std::string::npos);
    for (const auto* form : {"30s 5m 75m 1h", "100t", "50000v", "1000000n", "2.5r"})
      CHECK(tf.error().message.find(form) != std::string::npos);
  }
  for (const auto* text : {"2W", "2M", "12M", "2Y", "2D"}) {
    const auto tf = parse_timeframe(text);
    REQUIRE_MESSAGE(!tf.has_value(), text);
    CHECK(tf.error().code == errc::unsupported);
  }
}

TEST_CASE("event bars have one name each, too, and a span of prices is decimal") {
  CHECK(canonical("100t") == "100t");
  CHECK(canonical("007t") == "7t");
  CHECK(canonical("1000000000t") == "1000000000t");
  CHECK(canonical("50000v") == "50000v");
  CHECK(canonical("9223372036854775807v") == "9223372036854775807v");
  CHECK(canonical("9223372036854775807n") == "9223372036854775807n");
  CHECK(canonical("10r") == "10r");
  CHECK(canonical("2.50r") == "2.5r");
  CHECK(canonical("0.000000001r") == "0.000000001r");
  CHECK(parse_timeframe("2.5r")->length == 2'500'000'000);
  for (const auto* event : {"100t", "5v", "5n", "0.05r"}) {
    CHECK(is_event(parse_timeframe(event).value()));
    CHECK_FALSE(is_period(parse_timeframe(event).value()));
  }
  for (const auto* other : {"5m", "1D", "1W", "1Y"})
    CHECK_FALSE(is_event(parse_timeframe(other).value()));
  CHECK(rc::check("the canonical text means the same", [] {
    const auto kind = *rc::gen::element(timeframe::unit::ticks, timeframe::unit::volume,
                                        timeframe::unit::value, timeframe::unit::range);
    const timeframe tf{kind, *rc::gen::inRange<std::int64_t>(1, 1'000'000'000)};
    RC_ASSERT(parse_timeframe(to_string(tf)).value() == tf);
  }));
}

TEST_CASE("a list is sorted by kind and length and has no duplicates") {
  CHECK(list("1D 5m,1m, 75m 1h") == "1m 5m 1h 75m 1D");
  CHECK(list("1m 3m 5m 15m 25m 30m 1h 75m 125m 1D") == "1m 3m 5m 15m 25m 30m 1h 75m 125m 1D");
  CHECK(list("2.5r 1000n 50000v,20t 1D 100t 1m") == "1m 1D 20t 100t 50000v 1000n 2.5r");
  CHECK(list("2.5r 2.50r").find("listed twice") != std::string::npos);
  CHECK(list("60m,1h") == "timeframe '1h' is listed twice in '60m,1h' (as 1h); remove one of them");
  CHECK(list("").starts_with("no timeframe given"));
  CHECK(list(" , ").starts_with("no timeframe given"));
  CHECK(list("1m,zz").starts_with("timeframe 'zz'"));
  std::string many;
  for (int i = 1; i <= 33; ++i) many += std::to_string(i) + "s ";
  CHECK(list(many) == "33 timeframes given, at most 32 are possible");
}

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "market/alert/condition.hpp"
#include "market/alert/number.hpp"
#include "market/alert/rule.hpp"

using namespace artham;          // NOLINT(google-build-using-namespace)
using namespace artham::market;  // NOLINT(google-build-using-namespace)
using alert::condition;
using alert::number;
using alert::subject;
using alert::verdict;

namespace {

condition parsed(const std::string& text, subject of = subject::tick) {
  auto c = condition::parse(text, of);
  REQUIRE_MESSAGE(c, c.error().message);
  return std::move(*c);
}

std::string refusal(const std::string& text, subject of = subject::tick) {
  const auto c = condition::parse(text, of);
  REQUIRE_FALSE(c);
  CHECK(c.error().code == errc::bad_input);
  return c.error().message;
}

alert::values last(std::int64_t units) {
  tick t;
  t.last.units = units;
  return alert::values_of(t);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

verdict decided(const std::string& text, const alert::values& v, subject of = subject::tick) {
  const auto c = parsed(text, of);
  std::vector<alert::side> sides(c.crossings());
  return c.decide(v, &sides);
}

}  // namespace

TEST_CASE("numbers are exact decimals, wide enough for sums of quantities") {
  for (const auto* text : {"0", "1", "-1", "1500.05", "0.000000001", "-0.5", "999999999999999999",
                           "123456789012345678.123456789"}) {
    const auto n = alert::parse_number(text);
    REQUIRE_MESSAGE(n, text);
    CHECK(alert::to_string(*n) == text);
  }
  CHECK(alert::to_string(*alert::parse_number("+007.500")) == "7.5");
  CHECK(alert::to_string(*alert::parse_number("-0")) == "0");
  for (const auto* text : {"", "-", "+", ".", "1.", ".5", "1e5", "1,5", "0x1", "1.0000000000", " 1",
                           "1234567890123456789", "--1", "1.2.3", "NaN"})
    CHECK_FALSE_MESSAGE(alert::parse_number(text), text);
  CHECK(alert::of_count(INT64_MAX) > *alert::parse_number("999999999999999999"));
  CHECK(alert::to_string(alert::of_count(INT64_MIN)) == "-9223372036854775808");
}

TEST_CASE("numbers are written as they are read, whatever they are") {
  CHECK(rc::check([](std::int64_t whole, std::uint32_t fraction) {
    const number n{int128{whole % 1'000'000'000'000'000'000} * price_scale +
                   fraction % 1'000'000'000};
    const auto back = alert::parse_number(alert::to_string(n));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == n);
  }));
}

TEST_CASE("figures of Greeks count to 1e-9; what is no number is not there") {
  CHECK(alert::of_real(0.34999999999999998) == alert::parse_number("0.35").value());
  CHECK(alert::of_real(-12.5) == alert::parse_number("-12.5").value());
  CHECK(alert::of_real(1.6e-9) == number{2});
  CHECK(alert::of_real(2.5e-9) == number{2});
  CHECK(alert::of_real(0.0) == number{});
  CHECK_FALSE(alert::of_real(std::numeric_limits<double>::quiet_NaN()));
  CHECK_FALSE(alert::of_real(std::numeric_limits<double>::infinity()));
  CHECK_FALSE(alert::of_real(-2e18));
  CHECK(alert::of_real(1e18));
}

TEST_CASE("percentages are rounded once, and are absent without a base") {
  const auto percent = [](std::int64_t a, std::int64_t b) {
    return alert::percent_of({a * price_scale}, {b * price_scale});
  };
  CHECK(alert::to_string(*percent(-2, 100)) == "-2");
  CHECK(alert::to_string(*percent(1, 3)) == "33.333333333");
  CHECK(alert::to_string(*percent(2, 3)) == "66.666666667");
  CHECK_FALSE(percent(1, 0));
  CHECK_FALSE(percent(1, -1));
  CHECK_FALSE(alert::percent_of({INT64_MAX}, {1}));
}

TEST_CASE("comparisons are those of the exact values, a billionth beside each other or not") {
  CHECK(decided("last_price > 1500.05", last(1'500'050'000'000)) == verdict::no);
  CHECK(decided("last_price > 1500.05", last(1'500'050'000'001)) == verdict::yes);
  CHECK(decided("last_price >= 1500.05", last(1'500'050'000'000)) == verdict::yes);
  CHECK(decided("last_price < 1500.05", last(1'500'049'999'999)) == verdict::yes);
  CHECK(decided("last_price == 0.1", last(100'000'000)) == verdict::yes);
  CHECK(decided("last_price != 0.1", last(100'000'001)) == verdict::yes);
  CHECK(decided("1500.05 < last_price", last(1'500'050'000'001)) == verdict::yes);
  CHECK(decided("-1 < last_price", last(0)) == verdict::yes);
  CHECK(rc::check([](std::int64_t level, std::int64_t value) {
    level /= 2;
    value = *rc::gen::element(value / 2, level, level + 1, level - 1);
    const auto text = alert::to_string(number{level});
    const auto holds = [&](const std::string& op) {
      return decided("last_price " + op + " " + text, last(value)) == verdict::yes;
    };
    RC_ASSERT(holds(">") == (value > level));
    RC_ASSERT(holds(">=") == (value >= level));
    RC_ASSERT(holds("<") == (value < level));
    RC_ASSERT(holds("<=") == (value <= level));
    RC_ASSERT(holds("==") == (value == level));
    RC_ASSERT(holds("!=") == (value != level));
  }));
}

TEST_CASE("and binds stronger than or; brackets, spaces and fields on both sides") {
  const auto bar_of = [](int open, int high, int low, int close, int ticks) {
    bar b;
    b.open.units = open * price_scale;
    b.high.units = high * price_scale;
    b.low.units = low * price_scale;
    b.close.units = close * price_scale;
    b.ticks = static_cast<std::uint32_t>(ticks);
    return alert::values_of(b);
  };
  const auto v = bar_of(10, 20, 5, 15, 3);
  const auto is = [&](const std::string& text) { return decided(text, v, subject::bar); };
  CHECK(is("close > open") == verdict::yes);
  CHECK(is("close>open and low<high") == verdict::yes);
  CHECK(is("close < open and ticks == 3 or ticks == 3") == verdict::yes);
  CHECK(is("ticks == 3 or ticks == 3 and close < open") == verdict::yes);
  CHECK(is("(ticks == 3 or ticks == 3) and close < open") == verdict::no);
  CHECK(is(" ( ( close > 1 ) ) ") == verdict::yes);
  CHECK(is("range == 15 and change == 5 and change_percent == 50") == verdict::yes);
}

TEST_CASE("what a record does not say is unknown, unless the rest decides") {
  const auto v = last(price_scale);
  CHECK(decided("volume > 0", v) == verdict::unknown);
  CHECK(decided("volume <= 0", v) == verdict::unknown);
  CHECK(decided("volume > 0 and last_price == 1", v) == verdict::unknown);
  CHECK(decided("last_price == 1 and volume > 0", v) == verdict::unknown);
  CHECK(decided("volume > 0 and last_price == 2", v) == verdict::no);
  CHECK(decided("last_price == 2 and volume > 0", v) == verdict::no);
  CHECK(decided("volume > 0 or last_price == 1", v) == verdict::yes);
  CHECK(decided("last_price == 1 or volume > 0", v) == verdict::yes);
  CHECK(decided("volume > 0 or last_price == 2", v) == verdict::unknown);
  CHECK(decided("last_price == 2 or volume > 0", v) == verdict::unknown);
}

TEST_CASE("a crossing is from one side to the other; the level itself is neither") {
  const auto told = [](const std::string& text, const std::vector<std::int64_t>& prices) {
    const auto c = parsed(text);
    std::vector<alert::side> sides(c.crossings());
    std::string out;
    for (const auto p : prices)
      out += c.decide(last(p * price_scale), &sides) == verdict::yes ? '!' : '.';
    return out;
  };
  CHECK(told("last_price crosses_above 100", {99, 101, 102, 99, 101}) == ".!..!");
  CHECK(told("last_price crosses_above 100", {99, 100, 101}) == "..!");
  CHECK(told("last_price crosses_above 100", {101, 100, 101}) == "...");
  CHECK(told("last_price crosses_above 100", {99, 100, 99, 100, 101}) == "....!");
  CHECK(told("last_price crosses_above 100", {101, 102}) == "..");
  CHECK(told("last_price crosses_above 100", {100, 101}) == "..");
  CHECK(told("last_price crosses_below 100", {101, 99, 101, 98}) == ".!.!");
  CHECK(told("last_price crosses 100", {99, 101, 100, 99, 98, 101}) == ".!.!.!");
  // The other part of the condition does not make it forget.
  CHECK(told("last_price crosses_above 100 and last_price > 105", {99, 101, 106, 99, 110}) ==
        "....!");
}

TEST_CASE("crossings agree with what they mean, for any path of prices") {
  CHECK(rc::check([](const std::vector<std::int8_t>& path) {
    const auto c = parsed("last_price crosses_above 0 or last_price crosses_below 0");
    std::vector<alert::side> sides(c.crossings());
    int before = 0;
    for (const auto p : path) {
      const int now = p > 0 ? 1 : p < 0 ? -1 : 0;
      const bool crossed = now != 0 && before != 0 && now != before;
      RC_ASSERT((c.decide(last(p), &sides) == verdict::yes) == crossed);
      if (now != 0) before = now;
    }
  }));
}

TEST_CASE("what is wrong with a condition is said with its place and the way out") {
  CHECK(has(refusal("last_prise > 1"),
            "character 1, at 'last_prise > 1': expected a number or a "
            "field of tick; there are: last_price"));
  CHECK(has(refusal("last_price"), "character 11, at the end: expected one of > >="));
  CHECK(has(refusal("last_price > "), "at the end: expected a number or a field"));
  CHECK(has(refusal("last_price >> 1"), "character 12, at '>> 1': expected one of"));
  CHECK(has(refusal("last_price > 1 and"), "at the end"));
  CHECK(has(refusal("last_price > 1 xor low < 2"), "character 16, at 'xor low < 2'"));
  CHECK(has(refusal("(last_price > 1"), "expected )"));
  CHECK(has(refusal("last_price > 1)"), "expected and, or, or nothing more"));
  CHECK(has(refusal("last_price > 1.0000000001"), "at most 18 digits and nine decimals"));
  CHECK(has(refusal("last_price > -"), "expected a number behind -"));
  CHECK(has(refusal(""), "at the end"));
  CHECK(has(refusal("iv > 0.3"), "there are: last_price"));
  CHECK(has(refusal("last_price > 1", subject::chain), "there are: forward atm_strike"));
  CHECK(has(refusal("seconds crosses 1", subject::gap), "nothing crosses"));
  CHECK(has(refusal(std::string(501, 'x')), "501 characters is longer than 500"));
  std::string many = "low > 1";
  for (int i = 0; i < 16; ++i) many += " or low > 1";
  CHECK(has(refusal(many), "no more than 16 comparisons"));
  CHECK(has(refusal(std::string(40, '(')), "no more brackets"));
}

TEST_CASE("no text makes the parser do anything but answer") {
  CHECK(rc::check([] {
    const auto words = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "last_price", "low", "volume", ">", "<=", "==", "!", "crosses", "crosses_above", "and",
        "or", "(", ")", "-", "1", "2.5", ".", "999999999999999999", "\xff", ""));
    std::string text;
    for (const auto& w : words) text += w + (w.size() % 2 == 0 ? "" : " ");
    const auto c = condition::parse(text, subject::tick);
    if (!c) return;
    std::vector<alert::side> sides(c->crossings());
    static_cast<void>(c->decide(last(1), &sides));
  }));
}

TEST_CASE("keys of rules") {
  const auto key = [](const std::string& text) {
    const auto k = alert::parse_rule_key(text);
    REQUIRE_MESSAGE(k, k.error().message);
    return *k;
  };
  CHECK(key("tick:NSE:INFY").instrument == "NSE:INFY");
  CHECK(key("bar:NSE:NIFTY 50:5m").instrument == "NSE:NIFTY 50");
  CHECK(key("bar:NSE:NIFTY 50:5m").timeframe == *parse_timeframe("5m"));
  CHECK(key("greeks:NFO:NIFTY26D0125900CE").of == subject::greeks);
  CHECK(key("chain:BFO:SENSEX:2026-12-01").instrument == "BFO:SENSEX");
  CHECK(key("gap").instrument.empty());
  CHECK(key("gap:NSE:INFY").of == subject::gap);
  for (const auto* wrong : {"", "tick", "tick:", "tick:NSE", "tick:NSE:", "tick::INFY",
                            "bar:NSE:INFY", "bar:NSE:INFY:5x", "chain:NIFTY", "chain:NIFTY:never",
                            "gaps", "gap:INFY", "alerts", "foo:NSE:INFY"}) {
    const auto k = alert::parse_rule_key(wrong);
    CHECK_FALSE_MESSAGE(k, wrong);
    if (!k) CHECK(has(k.error().message, std::string("\"") + wrong + "\""));
  }
}

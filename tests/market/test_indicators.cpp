#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "market/indicator/indicator_set.hpp"

using namespace artham::market;             // NOLINT(google-build-using-namespace)
using namespace artham::market::indicator;  // NOLINT(google-build-using-namespace)

namespace {

constexpr date monday{20'000};

price p(std::string_view text) {
  return *parse_price(text);
}

bar make(price high, price low, price close, std::int64_t volume) {
  bar b;
  b.open = b.high = high;
  b.low = low;
  b.close = close;
  b.volume = volume;
  b.fields = bar::volume_known;
  return b;
}
bar make(std::string_view close, std::int64_t volume = 1) {
  return make(p(close), p(close), p(close), volume);
}

indicator_set set_of(std::string_view text) {
  return indicator_set(*parse_specs(text));
}

std::string text_of(const value& v) {
  if (v.is == value::form::none) return "-";
  return v.is == value::form::price ? to_string(v.price) : std::to_string(v.number);
}

using texts = std::vector<std::string>;

/// The values that each close of a list gives to the one indicator.
texts over(std::string_view spec, const texts& closes) {
  auto set = set_of(spec);
  texts out;
  for (const auto& c : closes) out.push_back(text_of(set.add(make(c), monday).at(0)));
  return out;
}

}  // namespace

TEST_CASE("an SMA is exact and rounded half to even") {
  CHECK(over("sma:3", {"1", "2", "3", "4.5"}) == texts{"-", "-", "2", "3.166666667"});
  CHECK(over("sma:2", {"0.000000001", "0.000000002", "0.000000003"}) ==
        texts{"-", "0.000000002", "0.000000002"});
  CHECK(over("sma:1", {"7", "8"}) == texts{"7", "8"});
  CHECK(over("sma:2", {"9200000000", "9200000000"}) == texts{"-", "9200000000"});
}

TEST_CASE("an EMA goes on from the mean of its first bars") {
  // Steps of a half: 2, then 2 + (4 - 2) / 2, then 3 + (8 - 3) / 2.
  CHECK(over("ema:3", {"1", "2", "3", "4", "8"}) == texts{"-", "-", "2", "3", "5.5"});
  CHECK(over("ema:1", {"7", "8.25"}) == texts{"7", "8.25"});
  CHECK(over("ema:2", {"1500.05", "1500.05", "1500.05"}) == texts{"-", "1500.05", "1500.05"});
}

TEST_CASE("RSI of ChartSchool's worksheet of 14 days") {
  const texts closes{"44.3389", "44.0902", "44.1497", "43.6124", "44.3278", "44.8264", "45.0955",
                     "45.4245", "45.8433", "46.0826", "45.8931", "46.0328", "45.614",  "46.282",
                     "46.282",  "46.0028", "46.0328", "46.4116", "46.2222", "45.6439", "46.2122",
                     "46.2521", "45.7137", "46.4515", "45.7835", "45.3548", "44.0288", "44.1783",
                     "44.2181", "44.5672", "43.4205", "42.6628", "43.1314"};
  const auto found = over("rsi:14", closes);
  for (std::size_t i = 0; i < 14; ++i) CHECK(found[i] == "-");
  const auto near = [&](std::size_t i, double published) {
    CHECK(std::abs(std::stod(found[i]) - published) < 0.00501);
  };
  near(14, 70.5328);
  near(15, 66.3186);
  near(16, 66.5498);
  near(17, 69.4063);
  near(18, 66.3552);
  near(19, 57.9749);
  near(20, 62.9296);
  near(24, 54.71);
  near(32, 37.77);
}

TEST_CASE("RSI by hand, and at its ends") {
  // Gains 1 0 2, losses 0 1 0: means of two 0.5 and 0.5, then (0.5 + 2) / 2 and 0.25.
  CHECK(over("rsi:2", {"10", "11", "10", "12"}) == texts{"-", "-", "50.000000", "83.333333"});
  CHECK(over("rsi:2", {"1", "2", "3.3", "3.3"}) == texts{"-", "-", "100.000000", "100.000000"});
  CHECK(over("rsi:2", {"3", "2", "1", "1"}) == texts{"-", "-", "0.000000", "0.000000"});
  CHECK(over("rsi:2", {"3", "3", "3", "4"}) == texts{"-", "-", "-", "100.000000"});
  auto set = set_of("rsi:3");
  value last;
  for (const char* c : {"100.05", "100.1", "100.4", "101.75"}) last = set.add(make(c), monday)[0];
  CHECK(last.number == 100);
}

TEST_CASE("ATR takes the gap to the close before") {
  auto set = set_of("atr:2");
  const auto add = [&](const char* high, const char* low, const char* close) {
    return text_of(set.add(make(p(high), p(low), p(close), 1), monday)[0]);
  };
  CHECK(add("12", "10", "11") == "-");
  CHECK(add("13", "12", "12.5") == "2");    // 13 - 11 = 2
  CHECK(add("11", "10.5", "10.5") == "2");  // 12.5 - 10.5 = 2
  CHECK(add("14", "10", "12") == "3");      // 4
  CHECK(add("12", "12", "12") == "1.5");    // 0
}

TEST_CASE("a VWAP has bands and begins anew with each day") {
  auto set = set_of("vwap:2 vwap");
  const auto add = [&](bar b, int day = 0) {
    texts out;
    for (const auto& v : set.add(b, {monday.days + day})) out.push_back(text_of(v));
    return out;
  };
  // Typical 100 x 1 and 104 x 3: mean 103, squares 9 x 1 + 1 x 3 over 4.
  CHECK(add(make(p("101"), p("98"), p("101"), 1)) == texts{"100", "100", "100", "100"});
  const auto second = add(make(p("106"), p("102"), p("104"), 3));
  CHECK(second == texts{"103", "106.464101615", "99.535898385", "103"});
  CHECK(add(make("999", 0)) == second);
  auto unknown = make("999", 5);
  unknown.fields = 0;
  CHECK(add(unknown) == second);
  CHECK(add(make("50", 0), 1) == texts{"-", "-", "-", "-"});
  CHECK(add(make("50", 7), 1) == texts{"50", "50", "50", "50"});
}

TEST_CASE("prices that do not move have bands of no width") {
  auto set = set_of("vwap:3 atr:2 sma:3 ema:3");
  std::vector<value> last;
  for (int i = 0; i < 500; ++i) last = set.add(make("1234.55", 1 + i * 7), monday);
  texts found;
  for (const auto& v : last) found.push_back(text_of(v));
  CHECK(found == texts{"1234.55", "1234.55", "1234.55", "0", "1234.55", "1234.55"});
}

TEST_CASE("values beyond all prices are left out") {
  auto set = set_of("vwap:10");
  const auto top = price{INT64_MAX};
  set.add(make("0.5", 1), monday);
  const auto v = set.add(make(top, top, top, 1), monday);
  CHECK(v[0].is == value::form::price);
  CHECK(v[1].is == value::form::none);
  CHECK(v[2].is == value::form::none);
}

TEST_CASE("specs are read, and written canonically") {
  const auto specs = parse_specs("sma:20,ema:9 rsi:14, atr:1000  vwap:2.50,vwap");
  REQUIRE(specs);
  REQUIRE(specs->size() == 6);
  CHECK((*specs)[0] == spec{kind::sma, 20, {}});
  CHECK((*specs)[4] == spec{kind::vwap, 0, p("2.5")});
  CHECK(column_names(*specs) == texts{"sma:20", "ema:9", "rsi:14", "atr:1000", "vwap:2.5",
                                      "vwap:2.5:upper", "vwap:2.5:lower", "vwap"});
  CHECK(bars_before((*specs)[0]) == 19);
  CHECK(bars_before((*specs)[1]) == 180);
  CHECK(bars_before((*specs)[2]) == 560);
  CHECK(bars_before((*specs)[5]) == 0);
}

TEST_CASE("a refused spec is named together with what is accepted") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "nothing is named"},
      {" , ", "nothing is named"},
      {"sma:20 macd:12", "'macd:12': no such indicator"},
      {"sma", "'sma': no whole number"},
      {"sma:0", "'sma:0': no whole number"},
      {"ema:1001", "from 1 to 1000"},
      {"rsi:14x", "'rsi:14x'"},
      {"atr:-3", "'atr:-3'"},
      {"atr:", "'atr:'"},
      {"vwap:0", "'vwap:0': no width"},
      {"vwap:11", "up to 10"},
      {"vwap:", "'vwap:'"},
      {"vwap:x", "'vwap:x'"},
      {"sma:5 sma:05", "'sma:05': given twice"},
      {"sma:1 sma:2 sma:3 sma:4 sma:5 sma:6 sma:7 sma:8 sma:9 sma:10 sma:11 sma:12 sma:13 sma:14 "
       "sma:15 sma:16 sma:17",
       "more than 16"},
  };
  for (const auto& [text, expected] : cases) {
    const auto specs = parse_specs(text);
    REQUIRE_FALSE(specs);
    CHECK(specs.error().message.find(expected) != std::string::npos);
    CHECK(specs.error().message.find("accepted are sma:N") != std::string::npos);
  }
}

namespace {

std::vector<double> smooth(const std::vector<double>& x, std::size_t n, bool wilder) {
  std::vector<double> out;
  double mean = 0;
  const auto length = static_cast<double>(n);
  for (std::size_t i = 0; i < n && i < x.size(); ++i) mean += x[i];
  mean /= length;
  for (std::size_t i = n - 1; i < x.size(); ++i) {
    if (i >= n) {
      mean =
          wilder ? (mean * (length - 1) + x[i]) / length : mean + 2 / (length + 1) * (x[i] - mean);
    }
    out.push_back(mean);
  }
  return out;
}

value price_of(double units) {
  return {value::form::price, {std::llrint(units)}, 0};
}

/// The value behind the last of some bars, computed from all of them at once.
value batch(const spec& s, const std::vector<bar>& bars) {
  std::vector<double> closes, gains, losses, ranges;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const auto d = [](price x) { return static_cast<double>(x.units); };
    closes.push_back(d(bars[i].close));
    double range = d(bars[i].high) - d(bars[i].low);
    if (i > 0) {
      const double change = d(bars[i].close) - closes[i - 1];
      gains.push_back(change > 0 ? change : 0);
      losses.push_back(change < 0 ? -change : 0);
      range = std::max({range, std::abs(d(bars[i].high) - closes[i - 1]),
                        std::abs(d(bars[i].low) - closes[i - 1])});
    }
    ranges.push_back(range);
  }
  if (bars.size() < s.length + (s.kind == kind::rsi ? 1 : 0)) return {};
  switch (s.kind) {
    case kind::sma: {
      int128 sum = 0;
      for (std::size_t i = bars.size() - s.length; i < bars.size(); ++i) sum += bars[i].close.units;
      return {value::form::price, {divide_half_even(sum, static_cast<std::int64_t>(s.length))}, 0};
    }
    case kind::ema:
      return price_of(smooth(closes, s.length, false).back());
    case kind::atr:
      return price_of(smooth(ranges, s.length, true).back());
    default: {
      const double g = smooth(gains, s.length, true).back();
      const double l = smooth(losses, s.length, true).back();
      if (g == 0 && l == 0) return {};
      return {value::form::number, {}, 100 * (g / (g + l))};
    }
  }
}

std::vector<bar> any_bars() {
  std::vector<bar> bars;
  std::int64_t at = *rc::gen::inRange<std::int64_t>(1'000, 5'000'000);
  const int n = *rc::gen::inRange(1, 80);
  for (int i = 0; i < n; ++i) {
    at = std::max<std::int64_t>(1, at + *rc::gen::inRange<std::int64_t>(-200, 200));
    const auto close = at + *rc::gen::inRange<std::int64_t>(0, 50);
    const auto high = close + *rc::gen::inRange<std::int64_t>(0, 50);
    bars.push_back(make({high * 50'000'000}, {at * 50'000'000}, {close * 50'000'000},
                        *rc::gen::inRange<std::int64_t>(0, 1'000'000)));
    if (*rc::gen::inRange(0, 10) == 0) bars.back().fields = 0;
  }
  return bars;
}

}  // namespace

TEST_CASE("bar by bar gives the bits of a batch") {
  CHECK(rc::check("indicators", [] {
    const auto bars = any_bars();
    std::vector<spec> specs;
    for (const auto k : {kind::sma, kind::ema, kind::rsi, kind::atr})
      specs.push_back({k, *rc::gen::inRange<std::size_t>(1, 30), {}});
    indicator_set set(specs);
    std::vector<bar> so_far;
    for (const auto& b : bars) {
      so_far.push_back(b);
      const auto found = set.add(b, monday);
      for (std::size_t i = 0; i < specs.size(); ++i) RC_ASSERT(found[i] == batch(specs[i], so_far));
    }
  }));
}

TEST_CASE("VWAP and deviation equal their definitions") {
  CHECK(rc::check("vwap", [] {
    session_vwap vwap;
    std::vector<bar> of_day;
    date d = monday;
    for (const auto& b : any_bars()) {
      if (*rc::gen::inRange(0, 20) == 0) {
        ++d.days;
        of_day.clear();
      }
      of_day.push_back(b);
      const auto found = vwap.add(b, d);
      long double volume = 0, sum = 0, squares = 0;
      const auto typical = [](const bar& x) {
        return static_cast<long double>(x.high.units + x.low.units + x.close.units) / 3;
      };
      const auto weight = [](const bar& x) {
        return x.fields == 0 ? 0.0L : static_cast<long double>(x.volume);
      };
      for (const auto& x : of_day) volume += weight(x);
      for (const auto& x : of_day) sum += weight(x) * typical(x);
      for (const auto& x : of_day) squares += weight(x) * std::pow(typical(x) - sum / volume, 2.0L);
      RC_ASSERT(found.has_value() == (volume > 0));
      if (!found) continue;
      RC_ASSERT(std::abs(found->mean - sum / volume) < 1e-13L * sum / volume);
      RC_ASSERT(std::abs(found->deviation - std::sqrt(squares / volume)) < 1e-13L * sum / volume);
    }
  }));
}

TEST_CASE("bars before those that are counted on weigh nothing") {
  CHECK(rc::check("warm-up", [] {
    const auto n = *rc::gen::inRange<std::size_t>(1, 40);
    const std::vector<spec> specs{
        {kind::sma, n, {}}, {kind::ema, n, {}}, {kind::rsi, n, {}}, {kind::atr, n, {}}};
    for (const auto& s : specs) {
      indicator_set all(std::span(&s, 1));
      indicator_set late(std::span(&s, 1));
      const auto extra = *rc::gen::inRange<std::size_t>(0, 50);
      std::uint64_t dice = *rc::gen::arbitrary<std::uint32_t>();
      for (std::size_t i = 0; i < extra + bars_before(s) + 1; ++i) {
        dice = dice * 6364136223846793005U + 1442695040888963407U;
        const auto close = static_cast<std::int64_t>(500'000 + dice / 4096 % 20'000) * 50'000'000;
        const bar b = make({close + 30 * price_scale}, {close - price_scale}, {close}, 1);
        const auto a = all.add(b, monday)[0];
        if (i < extra) continue;
        const auto l = late.add(b, monday)[0];
        if (i < extra + bars_before(s)) continue;
        RC_ASSERT(a.is == l.is);
        // 25,000.00 as a double is known to 4e-12, so sums may be rounded to a neighbour.
        RC_ASSERT(std::abs(a.price.units - l.price.units) <= (s.kind == kind::sma ? 0 : 1));
        RC_ASSERT(std::abs(a.number - l.number) < 1e-9);
      }
    }
  }));
}

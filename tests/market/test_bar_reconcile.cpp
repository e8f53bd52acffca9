#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bar_support.hpp"
#include "market/bar_merge.hpp"
#include "market/bar_reconcile.hpp"
#include "tests/support/places.hpp"

using namespace bar_test;

namespace {

bar minute_bar(int n, std::int64_t volume = 100) {
  bar b;
  b.token = token;
  b.start = at("09:15:00") + n * minute;
  b.end = b.start + minute;
  b.open = {100 * price_scale};
  b.high = {105 * price_scale};
  b.low = {95 * price_scale};
  b.close = {101 * price_scale};
  b.volume = volume;
  b.fields = bar::volume_known;
  return b;
}

/// `2 high conflated_extreme|…`: the minute, the column, the class.
std::string told(const std::vector<bar>& own, const std::vector<bar>& official,
                 const std::vector<bar_bounds>& gaps = {}, const char* tf = "1m") {
  std::string out;
  for (const auto& d : reconcile(own, official, gaps, parse_timeframe(tf).value())) {
    out += (out.empty() ? "" : "|") + std::to_string((d.start - at("09:15:00")) / minute) + " " +
           std::string(d.column) + " " + std::string(to_string(d.why));
  }
  return out;
}

}  // namespace

TEST_CASE("equal bars have no difference, also without volume or OI of ours") {
  const std::vector<bar> all{minute_bar(0), minute_bar(1)};
  CHECK(told(all, all).empty());
  auto index = all;
  for (auto& b : index) {
    b.fields = 0;
    b.volume = 0;
  }
  auto official = all;
  for (auto& b : official) {
    b.volume = 0;
    b.fields |= bar::oi_known;
    b.oi = 7;
  }
  CHECK(told(index, official).empty());
}

TEST_CASE("extremes inside theirs are conflated, beyond theirs they are not") {
  auto own = minute_bar(0);
  own.high.units -= price_scale;
  own.low.units += price_scale;
  CHECK(told({own}, {minute_bar(0)}) == "0 high conflated_extreme|0 low conflated_extreme");
  CHECK(told({minute_bar(0)}, {own}) == "0 high other|0 low other");
  own = minute_bar(0);
  own.open.units += price_scale;
  own.close.units += price_scale;
  CHECK(told({own}, {minute_bar(0)}) == "0 open other|0 close other");
}

TEST_CASE("volume that moved to a neighbour is timing, when the sums agree") {
  const std::vector<bar> official{minute_bar(0), minute_bar(1), minute_bar(2), minute_bar(3)};
  const auto with = [&](std::vector<std::int64_t> off) {
    auto own = official;
    for (std::size_t i = 0; i < off.size(); ++i) own[i].volume += off[i];
    return told(own, official);
  };
  CHECK(with({5, -5}) == "0 volume volume_timing|1 volume volume_timing");
  CHECK(with({0, 5, -3, -2}) ==
        "1 volume volume_timing|2 volume volume_timing|3 volume volume_timing");
  CHECK(with({5, -4}) == "0 volume other|1 volume other");
  CHECK(with({5, 0, -5}) == "0 volume other|2 volume other");
  CHECK(with({0, 0, 0, -7}) == "3 volume other");
  // Not over a hole.
  auto own = official;
  own.erase(own.begin() + 1);
  auto theirs = own;
  own[0].volume += 5;
  own[1].volume -= 5;
  CHECK(told(own, theirs) == "0 volume other|2 volume other");
}

TEST_CASE("what a gap explains is a gap's, and bars that only one side has are named") {
  auto own = minute_bar(1);
  own.high.units -= price_scale;
  own.volume -= 30;
  const std::vector<bar> official{minute_bar(0), minute_bar(1), minute_bar(2)};
  CHECK(told({minute_bar(0), own, minute_bar(2)}, official) ==
        "1 high conflated_extreme|1 volume other");
  const std::vector<bar_bounds> gap{{at("09:16:10"), at("09:16:20")}};
  CHECK(told({minute_bar(0), own, minute_bar(2)}, official, gap) ==
        "1 high missed_in_gap|1 volume missed_in_gap");
  own.flags = static_cast<std::uint16_t>(bar_flag::gap);
  CHECK(told({minute_bar(0), own, minute_bar(2)}, official) ==
        "1 high missed_in_gap|1 volume missed_in_gap");
  CHECK(told({minute_bar(0), minute_bar(2)}, official) == "1 bar missing");
  CHECK(told({minute_bar(0), minute_bar(2)}, official, gap) == "1 bar missed_in_gap");
  CHECK(told(official, {minute_bar(0), minute_bar(1)}) == "2 bar surplus");
}

TEST_CASE("a day's close and its volume of auctions are the exchange's own") {
  auto own = minute_bar(0);
  auto official = own;
  official.close.units += price_scale / 2;
  official.volume += 1000;
  CHECK(told({own}, {official}, {}, "1D") == "0 close official_close|0 volume official_close");
  CHECK(told({own}, {official}) == "0 close other|0 volume other");
  CHECK(told({official}, {own}, {}, "1D") == "0 close official_close|0 volume other");
}

TEST_CASE("Kite's days differ from Kite's minutes by the official close alone") {
  const auto data =
      std::filesystem::path(artham::test::source_dir()) / ".." / "shared" / "data" / "market";
  if (!std::filesystem::exists(data / "bars")) {
    std::printf("%s is not there: Kite's days are not checked\n", data.string().c_str());
    return;
  }
  const auto candles = [&](const std::string& tf) {
    std::ifstream in(data / "bars" / ("kite_reliance_" + tf + "_20251029_20251128.csv"));
    std::vector<bar> all;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream row(line);
      std::vector<std::string> x;
      for (std::string field; std::getline(row, field, ',');) x.push_back(field);
      bar b;
      b.start = std::stoll(x[0]) * millisecond;
      b.end = b.start + minute;
      if (tf == "1d") {
        const auto session = nse()->day(nse()->local_date(b.start)).sessions.front();
        b.start = session.open;
        b.end = session.close;
      }
      b.open = parse_price(x[1]).value();
      b.high = parse_price(x[2]).value();
      b.low = parse_price(x[3]).value();
      b.close = parse_price(x[4]).value();
      b.volume = std::stoll(x[5]);
      b.fields = bar::volume_known;
      all.push_back(b);
    }
    return all;
  };
  const auto days = merge_bars(candles("1m"), one_trading_day, nse());
  REQUIRE(days);
  const auto found = reconcile(*days, candles("1d"), {}, one_trading_day);
  CHECK(found.size() > days->size());
  for (const auto& d : found) {
    CAPTURE(d.column);
    CHECK(d.why == difference_class::official_close);
  }
}

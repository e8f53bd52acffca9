#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "bar_support.hpp"
#include "market/bar_merge.hpp"
#include "tests/support/places.hpp"

using namespace bar_test;

namespace {

namespace fs = std::filesystem;

const fs::path data = fs::path(artham::test::source_dir()) / ".." / "shared" / "data" / "market";

struct row {
  std::vector<std::string> cells;
  std::map<std::string, std::size_t>* columns = nullptr;
  const std::string& operator[](const std::string& name) const {
    return cells.at(columns->at(name));
  }
};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t from = 0;
  while (true) {
    const auto comma = line.find(',', from);
    cells.push_back(line.substr(from, comma - from));
    if (comma == std::string::npos) return cells;
    from = comma + 1;
  }
}

template <class Fn>
void for_each_row(const fs::path& file, Fn fn) {
  std::ifstream in(file);
  REQUIRE_MESSAGE(in.good(), file.string());
  std::string line;
  std::getline(in, line);
  std::map<std::string, std::size_t> columns;
  for (const auto& name : split(line)) columns.emplace(name, columns.size());
  row r;
  r.columns = &columns;
  while (std::getline(in, line)) {
    r.cells = split(line);
    fn(static_cast<const row&>(r));
  }
}

struct recording {
  const char* name;
  calendar_ptr cal;
  int size_digits = 0;  ///< sizes are read as integers of 10^-digits
};

/// The file as a stream: subscribed from its first row, a clock mark at every whole second of the
/// running maximum of exchange time, and to the end of all bars.
stream read_recording(const recording& r) {
  stream s;
  timestamp newest = 0;
  for_each_row(data / "ticks" / (std::string(r.name) + ".csv"), [&](const row& x) {
    const timestamp time = std::stoll(x["ts_ms"]) * millisecond;
    if (s.marks.empty()) s.subscribed(time);
    const auto running = std::max(newest, time);
    if (newest == 0) newest = running - 1;
    for (auto c = newest / second * second + second; c <= running; c += second) s.clock(c);
    newest = running;
    auto& t = !x["size"].empty()
                  ? s.traded(time, x["price"], parse_scaled(x["size"], r.size_digits).value())
              : !x["cum_volume"].empty() ? s.tick(time, x["price"], std::stoll(x["cum_volume"]))
                                         : s.tick(time, x["price"]);
    if (!x["oi"].empty()) {
      t.oi = std::stoll(x["oi"]);
      t.fields |= bar_input::open_interest;
    }
  });
  const auto last = r.cal->day_of(newest).sessions.back().close + 4 * second;
  for (auto c = newest / second * second + second; c <= last; c += second) s.clock(c);
  return s;
}

void check_recording(const recording& r) {
  const auto plan = make_plan("1m,5m,15m,60m,1D", r.cal);
  const auto s = read_recording(r);
  bar_aggregator a(plan, token);
  const auto closed = closed_by(a, s);
  CHECK(a.counts().ticks == s.ticks.size());
  CHECK(a.counts().late == 0);
  CHECK(a.counts().duplicates == 0);

  std::size_t expected_bars = 0;
  std::map<std::string, std::int64_t> volume_sums;
  for (const auto* tf : {"1m", "5m", "15m", "60m"}) {
    const auto bars = only(tf, *plan, closed);
    std::size_t i = 0;
    for_each_row(data / "expected" / (std::string(r.name) + "_" + tf + ".csv"), [&](const row& x) {
      REQUIRE_MESSAGE(i < bars.size(), r.name, " ", tf, " has only ", i, " bars");
      const auto& b = bars[i++];
      CAPTURE(text(b));
      CHECK(b.start == std::stoll(x["ts_ms"]) * millisecond);
      CHECK(b.open == parse_price(x["open"]).value());
      CHECK(b.high == parse_price(x["high"]).value());
      CHECK(b.low == parse_price(x["low"]).value());
      CHECK(b.close == parse_price(x["close"]).value());
      CHECK(b.volume == parse_scaled(x["volume"], r.size_digits).value());
      CHECK(b.ticks == std::stoul(x["ticks"]));
      CHECK(knows(b, bar::oi_known) == !x["oi"].empty());
      if (!x["oi"].empty()) CHECK(b.oi == std::stoll(x["oi"]));
      volume_sums[tf] += b.volume;
      ++expected_bars;
    });
    CHECK_MESSAGE(i == bars.size(), r.name, " ", tf);
  }
  std::int64_t of_days = 0;
  for (const auto& b : only("1D", *plan, closed)) of_days += b.volume;
  for (const auto& [tf, sum] : volume_sums) CHECK(sum == of_days);
  CHECK(expected_bars > 3);
}

}  // namespace

TEST_CASE("recorded ticks give the bars that two other programs computed") {
  if (!fs::exists(data / "ticks")) {
    std::printf("%s is not there: recorded ticks are not checked\n", data.string().c_str());
    return;
  }
  const recording all[] = {
      {"nifty50_index_20220823", nse()},
      {"nifty50_index_20220901", nse()},
      {"nifty50_index_20221025", nse()},
      {"nifty25decfut_20251229_early", nse()},
      {"nifty25decfut_kitecum_20251229_a", nse()},
      {"ibm_20131007_trades", nyse_in_summer()},
      {"aig_20131007_trades", nyse_in_summer()},
      {"bac_20131011_trades", nyse_in_summer()},
      {"btcusdt_spot_20240808_trades", around_the_clock(), 8},
      {"ethusdt_spot_20240808_trades", around_the_clock(), 8},
  };
  for (const auto& r : all) {
    CAPTURE(r.name);
    check_recording(r);
  }
  for (const auto& file : fs::directory_iterator(data / "ticks")) {
    CHECK_MESSAGE(std::any_of(std::begin(all), std::end(all),
                              [&](const auto& r) { return file.path().stem() == r.name; }),
                  file.path().string(), " is not checked");
  }
}

TEST_CASE("Kite's own minute candles make Kite's own longer candles") {
  if (!fs::exists(data / "bars")) {
    std::printf("%s is not there: Kite's candles are not checked\n", data.string().c_str());
    return;
  }
  const auto candles = [](const char* timeframe, duration length) {
    std::vector<bar> all;
    const auto file = "kite_reliance_" + std::string(timeframe) + "_20251029_20251128.csv";
    for_each_row(data / "bars" / file, [&](const row& x) {
      bar b;
      b.start = std::stoll(x["ts_ms"]) * millisecond;
      b.end = std::min(b.start + length, nse()->day_of(b.start).sessions.back().close);
      b.open = parse_price(x["open"]).value();
      b.high = parse_price(x["high"]).value();
      b.low = parse_price(x["low"]).value();
      b.close = parse_price(x["close"]).value();
      b.volume = std::stoll(x["volume"]);
      b.fields = bar::volume_known;
      all.push_back(b);
    });
    return all;
  };
  const auto minutes = candles("1m", minute);
  for (const auto& [name, length] :
       {std::pair("15m", 15 * minute), {"30m", 30 * minute}, {"60m", 60 * minute}}) {
    const auto expected = candles(name, length);
    const auto merged = merge_bars(minutes, parse_timeframe(name).value(), nse());
    REQUIRE(merged);
    REQUIRE(merged->size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto& got = (*merged)[i];
      const auto& want = expected[i];
      CAPTURE(text(got));
      CHECK(got.start == want.start);
      CHECK(got.open == want.open);
      CHECK(got.high == want.high);
      CHECK(got.low == want.low);
      CHECK(got.close == want.close);
      CHECK(got.volume == want.volume);
    }
  }
}

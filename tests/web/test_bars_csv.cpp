#include <doctest/doctest.h>

#include "store/bars_csv.hpp"

using namespace artham;

namespace {

market::bar full_bar() {
  market::bar b;
  b.token = 408065;
  b.start = *market::parse_rfc3339("2026-11-20T09:15:00+05:30");
  b.end = b.start + market::minute;
  b.open = {1'500'050'000'000};
  b.high = {1'501'000'000'000};
  b.low = {1'499'500'000'000};
  b.close = {1'500'000'000'000};
  b.volume = 1200;
  b.oi = 50;
  b.oi_change = -5;
  b.vwap = {1'500'333'333'333};
  b.ticks = 42;
  b.revision = 1;
  b.fields = market::bar::volume_known | market::bar::oi_known | market::bar::oi_change_known |
             market::bar::vwap_known;
  return b;
}

std::string row(const market::bar& b, market::duration offset) {
  std::string out;
  store::append_bar_csv(out, b, offset);
  return out;
}

constexpr market::duration ist = 5 * market::hour + 30 * market::minute;

}  // namespace

TEST_CASE("a bar is a CSV row with exact decimals in the exchange's zone") {
  CHECK(row(full_bar(), ist) ==
        "408065,2026-11-20T09:15:00+05:30,1500.05,1501,1499.5,1500,1200,50,-5,1500.333333333,42,,"
        "1\n");
  CHECK(row(full_bar(), 0).starts_with("408065,2026-11-20T03:45:00"));
}

TEST_CASE("what a bar does not have is empty, and flags are joined") {
  auto b = full_bar();
  b.fields = 0;
  b.flags = static_cast<std::uint16_t>(market::bar_flag::partial) |
            static_cast<std::uint16_t>(market::bar_flag::gap);
  CHECK(row(b, ist) ==
        "408065,2026-11-20T09:15:00+05:30,1500.05,1501,1499.5,1500,,,,,42,partial|gap,1\n");
}

TEST_CASE("header and rows have the same columns") {
  const auto columns = [](std::string_view line) {
    return std::count(line.begin(), line.end(), ',');
  };
  CHECK(columns(store::bars_csv_header) == columns(row(full_bar(), ist)));
}

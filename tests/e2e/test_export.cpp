#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "tests/e2e/recorded.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

std::vector<std::string> curl(const node& n, const std::string& target,
                              std::vector<std::string> more = {}) {
  std::vector<std::string> all{
      "/usr/bin/curl", "--silent", "--show-error",
      "--max-time",    "120",      "http://127.0.0.1:" + std::to_string(n.port()) + target};
  for (auto& m : more) all.push_back(std::move(m));
  return all;
}

}  // namespace

TEST_CASE("curl gets all bars of a run in one answer, and says so when the store goes away") {
  const scratch dir;
  const auto data = dir / "data";
  node n(data,
         {"--recording", recording, "--speed", "max", "--set", "bars.timeframes=10s 1m 5m 1D"});
  REQUIRE(n.wait_for(settled));
  auto token = sql(data, "SELECT instrument_token FROM bars_10s GROUP BY 1 ORDER BY count(*) DESC");
  token.erase(token.find('\n'));
  const auto bars = "/v1/bars?instrument=" + token + "&timeframe=10s&limit=";

  const auto page = http_get(n.port(), bars + "10000&from=0&format=csv").body;
  REQUIRE(std::ranges::count(page, '\n') > 2);
  const auto csv = run_to_end(curl(n, bars + "all&format=csv"));
  CHECK(csv.code == 0);
  CHECK(csv.out == page);
  const auto lines = run_to_end(curl(n, bars + "all&format=ndjson&order=desc"));
  CHECK(lines.code == 0);
  CHECK(std::ranges::count(lines.out, '\n') + 1 == std::ranges::count(page, '\n'));

  // Many more, read slowly: the store goes away while some are still to come.
  sql(data,
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) INSERT "
      "INTO "
      "bars_10s SELECT instrument_id, bar_start_ts + i * 3600000000000, revision, "
      "instrument_token, "
      "bar_end_ts + i * 3600000000000, open, high, low, close, volume, oi, oi_change, vwap, ticks, "
      "flags, first_epoch, first_seq, last_epoch, last_seq, cause_epoch, cause_seq, cause_ordinal "
      "FROM n, (SELECT * FROM bars_10s WHERE instrument_token = " +
          token + " ORDER BY bar_start_ts DESC LIMIT 1)");
  const auto file = dir / "bars.csv";
  process slow(curl(n, bars + "all&format=csv", {"--limit-rate", "500k", "--output", file}));
  const auto begun = [&] {
    std::error_code ec;
    const auto size = std::filesystem::file_size(file, ec);
    return !ec && size > 0;
  };
  CHECK(n.wait_for([&](const json&) { return begun(); }));
  sql(data, "ALTER TABLE bars_10s RENAME TO gone");
  CHECK(slow.wait() == 18);
  CHECK(slow.errors().find("transfer closed") != std::string::npos);
  const auto part = read_file(file);
  CHECK(part.starts_with(page.substr(0, page.size() / 2)));
  CHECK(std::ranges::count(part, '\n') < 200'000);
  CHECK(n.get("/v1/status")["metrics"].value("artham_web_refused_total.answer_failed", 0) == 1);
  CHECK(run_to_end(curl(n, bars + "all&format=csv", {"--fail"})).code == 22);
  CHECK(n.stop() == 0);
}

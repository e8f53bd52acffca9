#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/recorded.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

TEST_CASE("retention removes old days while it runs, and everything says so") {
  const scratch dir;
  const auto data = dir / "data";
  // So fast that trading days pass by.
  const std::vector<std::string> options{
      "--set", "exchange.instruments=3", "--set", "exchange.speed=20000",
      "--set", "bars.timeframes=5m 1D",  "--set", "ingest.clock_interval=10s",
      "--set", "store.ticks=table"};
  const auto day_of = [](const json& s) { return s.value("market_time", "").substr(0, 10); };
  std::string first_day;
  {
    // What is kept by default: everything. Its end is a checkpoint.
    node n(data, options);
    REQUIRE(n.wait_for([&](const json& s) {
      if (first_day.empty()) first_day = day_of(s);
      return !first_day.empty() && day_of(s) != first_day;
    }));
    CHECK_FALSE(n.get("/v1/status")["journal"].contains("kept_from"));
    CHECK(n.stop() == 0);
  }
  const auto whole = artham::test::artham({"journal", "verify", data});
  CHECK(whole.out.find("not kept") == std::string::npos);
  const auto first_segment = segments(data, "md:ticks").front();
  {
    auto more = options;
    more.insert(more.end(), {"--set", "journal.retention=1d"});
    node n(data, more);
    REQUIRE_MESSAGE(n.wait_for([](const json& s) { return s["journal"].contains("kept_from"); }),
                    n.process().errors());
    const auto s = n.get("/v1/status");
    CHECK(s["journal"]["kept_from"]["seq"].get<std::uint64_t>() > 1);
    CHECK(s["journal"]["kept_from"]["time"].get<std::string>().substr(0, 10) < day_of(s));
    CHECK(s["metrics"].value("artham_journal_removed_segments_total.md:ticks", 0) > 0);
    CHECK(s["metrics"].value("artham_journal_removed_bytes_total.md:ticks", 0) > 0);
    CHECK(s["metrics"].value("artham_journal_kept_bytes.md:ticks", 0) > 0);
    CHECK(n.stop() == 0);
  }
  CHECK_FALSE(std::filesystem::exists(first_segment));

  const std::string gone = "md:ticks is not kept any more before (";
  const auto journal = artham::test::artham({"journal", "verify", data});
  CHECK_MESSAGE(journal.code == 0, journal.out << journal.err);
  CHECK(journal.out.find(gone) != std::string::npos);
  const auto verified = artham::test::artham({"verify", "--data", data});
  CHECK_MESSAGE(verified.code == 0, verified.out << verified.err);
  CHECK(verified.out.find("differences 0\n") != std::string::npos);
  CHECK(verified.out.find("note: " + gone) != std::string::npos);
  CHECK(verified.out.find("note: 5m: ") != std::string::npos);
  CHECK(verified.out.find(" rows of ticks are not compared") != std::string::npos);
  const auto cat = artham::test::artham({"journal", "cat", data, "--limit", "3"});
  CHECK(cat.code == 0);
  CHECK(cat.err.find(gone) != std::string::npos);
  CHECK(cat.out.find(" config settings=") < cat.out.find('\n'));
  const auto replayed = artham::test::artham({"replay", "--journal", data, "--out", dir / "bars"});
  CHECK_MESSAGE(replayed.code == 0, replayed.err);
  CHECK(replayed.err.find(gone) != std::string::npos);
  const auto csv = artham::test::artham({"journal", "export", data, "--out", dir / "ticks.csv"});
  CHECK(csv.code == 0);
  CHECK(csv.err.find(gone) != std::string::npos);
  // A slice of what is left is whole in itself.
  const auto slice = artham::test::artham({"journal", "slice", data, "--out", dir / "slice"});
  CHECK_MESSAGE(slice.code == 0, slice.err);
  const auto again =
      artham::test::artham({"replay", "--journal", dir / "slice", "--out", dir / "again"});
  CHECK(digest_of(again) == digest_of(replayed));

  // It starts again, with other settings too: those build from what is left.
  auto other = options;
  other[5] = "bars.timeframes=5m 15m 1D";
  {
    node n(data, other);
    const auto s = n.get("/v1/status");
    CHECK(s["journal"]["kept_from"]["seq"].get<std::uint64_t>() > 1);
    CHECK(n.wait_for([](const json& now) {
      return now["metrics"].value("artham_bars_final_total.15m", 0) > 0;
    }));
    // What was asked of a time that is gone is refused, not answered with nothing.
    auto token = sql(data, "SELECT instrument_token FROM bars_5m LIMIT 1");
    token.pop_back();
    const auto before = http_get(
        n.port(), "/v1/bars?instrument=" + token + "&timeframe=5m&as_of=2001-01-01T00:00:00Z");
    CHECK(before.status == 404);
    CHECK(before.body.find("is not kept any more before") != std::string::npos);
    CHECK(n.stop() == 0);
  }
  const auto at_last = artham::test::artham({"verify", "--data", data});
  CHECK_MESSAGE(at_last.code == 0, at_last.out << at_last.err);
}

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/recorded.hpp"
#include "tests/support/small_disk.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

std::uint64_t ticks_of(const json& s) {
  return s["ticks_received"].get<std::uint64_t>();
}

std::vector<std::vector<std::int64_t>> rows(const std::string& data, const std::string& query) {
  std::vector<std::vector<std::int64_t>> all;
  std::istringstream lines(sql(data, query));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    all.emplace_back();
    for (std::string cell; std::getline(cells, cell, '|');) all.back().push_back(std::stoll(cell));
  }
  return all;
}

}  // namespace

TEST_CASE("a full disk: alarm, a gap of the true length, and on again by itself") {
  small_disk disk(64);
  const std::string how = disk.mounted()
                              ? "a tmpfs of 64 MiB"
                              : "mounting is not permitted here: the file size limit stands for it";
  MESSAGE(how);
  const auto data = disk / "data";
  process exchange({artham::test::program(), "exchange", "--synthetic", "20", "--speed", "20",
                    "--every-second", "--date", "2026-11-20"});
  const auto url = exchange.line();
  REQUIRE(url);
  {
    node n(data, {"--set", "feed.url=" + *url, "--set", "store.ticks=table", "--set",
                  "feed.backoff_min=50ms", "--set", "bars.timeframes=5s 30s 1m", "--set",
                  "journal.reserve=24MiB"});
    REQUIRE(n.wait_for([](const json& s) {
      return ticks_of(s) > 1000 && s["metrics"].value("artham_bars_final_total.5s", 0) > 20 &&
             s["journal"].value("free_bytes", std::int64_t{0}) > 0;
    }));
    const auto calm = n.get("/v1/status")["journal"];
    CHECK(calm["full"] == false);
    CHECK(calm["dropped_ticks"] == 0);
    if (disk.mounted()) CHECK(calm["low"] == false);
    CHECK(http_get(n.port(), "/readyz").status == 200);

    disk.fill(n.process().pid());
    REQUIRE_MESSAGE(n.wait_for([&](const json& s) {
      const auto& j = s["journal"];
      return j["full"] == true && j["dropped_ticks"].get<std::uint64_t>() > 200 &&
             (!disk.mounted() || j["low"] == true);
    }),
                    n.process().errors());
    const auto ready = http_get(n.port(), "/readyz");
    CHECK(ready.status == 503);
    CHECK(ready.body.find("disk is full") != std::string::npos);
    const auto metrics = http_get(n.port(), "/metrics").body;
    CHECK(metrics.find("artham_journal_disk_full 1") != std::string::npos);
    CHECK(metrics.find("artham_ticks_dropped_total{why=\"disk_full\"}") != std::string::npos);
    if (disk.mounted()) {
      CHECK(metrics.find("artham_journal_low_space 1") != std::string::npos);
      // The loss is told in room that was held for it.
      const auto told = artham::test::artham({"journal", "cat", data});
      CHECK(told.out.find(" cause=disk_full ") != std::string::npos);
      CHECK(told.out.find(" state=begins ") != std::string::npos);
      const auto doctor = artham::test::artham(
          {"doctor", "--set", "data.dir=" + data, "--set", "journal.reserve=24MiB"});
      CHECK(doctor.code == 1);
      CHECK(doctor.out.find("FAIL  disk room: ") != std::string::npos);
    }

    disk.make_room(n.process().pid());
    std::uint64_t before = 0;
    REQUIRE_MESSAGE(n.wait_for([&](const json& s) {
      const auto& j = s["journal"];
      if (j["full"] == true || (disk.mounted() && j["low"] == true)) return false;
      if (before == 0) before = ticks_of(s);
      return ticks_of(s) > before + 1000;
    }),
                    n.process().errors());
    CHECK(http_get(n.port(), "/readyz").status == 200);
    exchange.signal(SIGKILL);
    exchange.wait();
    REQUIRE(n.wait_for([](const json& s) { return s["feed"]["state"] != "live"; }));
    const auto received = ticks_of(n.get("/v1/status"));
    // The store waited too, and has caught up.
    CHECK(n.wait_for([&](const json& s) {
      return s["metrics"].value("artham_store_rows_total.md:ticks", std::uint64_t{0}) == received;
    }));
    CHECK(n.stop() == 0);
    const auto log = n.process().errors();
    CHECK(log.find("what comes in is dropped until there is room") != std::string::npos);
    CHECK(log.find("the disk has room again") != std::string::npos);
  }
  const auto verified = artham::test::artham({"verify", "--data", data});
  CHECK_MESSAGE(verified.code == 0, verified.out << verified.err);
  CHECK(verified.out.find("differences 0\n") != std::string::npos);
  CHECK(artham::test::artham({"journal", "verify", data}).code == 0);
  const scratch out;
  const auto replayed =
      artham::test::artham({"replay", "--journal", data, "--out", out / "bars", "--set",
                            "runtime.threads=1", "--set", "runtime.batch=100"});
  CHECK(digest_of(replayed) == digest_of(verified));

  // Nothing is stored twice. Each gap begins with the last tick before and ends with the first
  // after: ticks come every second of market time.
  CHECK(sql(data, "SELECT COUNT(*) FROM (SELECT 1 FROM ticks GROUP BY seq HAVING COUNT(*) > 1)") ==
        "0\n");
  const auto gaps = rows(data, "SELECT from_ts, to_ts FROM gaps WHERE cause = 7");
  REQUIRE(!gaps.empty());
  constexpr std::int64_t two_seconds = 2'000'000'000;
  for (const auto& gap : gaps) {
    const auto from = std::to_string(gap[0]);
    const auto to = std::to_string(gap[1]);
    CHECK(gap[1] > gap[0]);
    CHECK(sql(data, "SELECT COUNT(*) FROM ticks WHERE receive_ts > " + from + " AND receive_ts < " +
                        to) == "0\n");
    const auto around = rows(
        data, "SELECT (SELECT MAX(receive_ts) FROM ticks WHERE receive_ts <= " + from +
                  "), (SELECT MIN(receive_ts) FROM ticks WHERE " + "receive_ts >= " + to + ")");
    REQUIRE(around.size() == 1);
    CHECK(gap[0] - around[0][0] < two_seconds);
    CHECK(around[0][1] - gap[1] < two_seconds);
  }
}

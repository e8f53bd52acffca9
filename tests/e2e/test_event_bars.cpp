#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/recorded.hpp"
#include "tests/support/places.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

const std::string frames = "10s 1m 1D 20t 2000v 3000000n 2.5r";

/// Ends with 0 and says so; its digest.
std::string verified(const std::string& data) {
  const auto f = artham::test::artham({"verify", "--data", data});
  INFO(f.out << f.err);
  CHECK(f.code == 0);
  CHECK(f.out.find("differences 0\n") != std::string::npos);
  return digest_of(f);
}

int count(const std::string& data, const std::string& query) {
  return std::stoi(sql(data, query));
}

/// Bars of one instrument that are stored without its last revision being a withdrawal.
const std::string last_revisions =
    " AS b WHERE revision = (SELECT MAX(revision) FROM bars_20t AS l WHERE l.instrument_id = "
    "b.instrument_id AND l.bar_start_ts = b.bar_start_ts) AND ticks > 0";

}  // namespace

TEST_CASE("event bars of a recording are stored, verify, and are those of any replay") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data, {"--set", "bars.timeframes=" + frames});
  const auto digest = verified(data);
  for (const auto& [threads, batch] : {std::pair("1", "1"), {"4", "262144"}}) {
    const auto replayed =
        artham::test::artham({"replay", "--journal", data, "--out", dir / "replayed", "--set",
                              std::string("runtime.threads=") + threads, "--set",
                              std::string("runtime.batch=") + batch});
    CHECK(digest_of(replayed) == digest);
  }
  for (const auto* name : {"20t", "2000v", "3000000n", "2.5r"})
    CHECK(std::filesystem::exists(dir / "replayed" + ("/bars_" + std::string(name) + ".csv")));

  // One journal: no matter how it is cut, the day traded the same.
  const auto traded = sql(data,
                          "SELECT instrument_token, SUM(volume) FROM bars_1D GROUP BY "
                          "instrument_token ORDER BY 1");
  for (const auto* table : {"bars_20t", "bars_2000v", "bars_3000000n", "bars_2_5r"}) {
    INFO(table);
    CHECK(sql(data, std::string("SELECT instrument_token, SUM(volume) FROM ") + table +
                        " GROUP BY instrument_token ORDER BY 1") == traded);
    CHECK(count(data, std::string("SELECT COUNT(*) FROM ") + table) > 0);
  }

  SUBCASE("asked for on their own, with the days that weeks are made of") {
    const auto some = artham::test::artham(
        {"replay", "--journal", data, "--out", dir / "some", "--timeframes", "20t,2.5r,1W"});
    INFO(some.err);
    CHECK(some.code == 0);
    for (const auto* name : {"bars_20t.csv", "bars_2.5r.csv"})
      CHECK(run_to_end({"/usr/bin/cmp", dir / "some" + ("/" + std::string(name)),
                        dir / "replayed" + ("/" + std::string(name))})
                .code == 0);
    const auto none = artham::test::artham(
        {"replay", "--journal", data, "--out", dir / "none", "--timeframes", "1m,0t"});
    CHECK(none.code == 2);
    CHECK(none.err.find("--timeframes: timeframe '0t'") != std::string::npos);
  }
  SUBCASE("one that was tampered with is named") {
    sql(data,
        "UPDATE bars_2_5r SET high = high + 1000000000 WHERE (instrument_token, bar_start_ts) IN "
        "(SELECT instrument_token, bar_start_ts FROM bars_2_5r LIMIT 1)");
    const auto f = artham::test::artham({"verify", "--data", data});
    CHECK(f.code == 1);
    CHECK(f.out.find(" 2.5r ") != std::string::npos);
    CHECK(f.out.find("high: stored") != std::string::npos);
  }
}

TEST_CASE("late ticks make event bars anew, live, stored and replayed alike, killed in between") {
  const scratch dir;
  const auto data = dir / "data";
  process exchange({artham::test::program(), "exchange", "--synthetic", "40", "--speed", "60",
                    "--disorder", "delayed=20,duplicated=5,delay=30s,seed=11"});
  const auto url = exchange.line();
  REQUIRE_MESSAGE(url, exchange.errors());
  const std::vector<std::string> options{"--set", "feed.url=" + *url,
                                         "--set", "feed.clock=exchange",
                                         "--set", "bars.timeframes=" + frames};
  const auto revised = [](int least) {
    return [least](const json& s) {
      return s["metrics"].value("artham_bars_revised_total.20t", 0) >= least;
    };
  };
  {
    node n(data, options);
    REQUIRE(n.wait_for(revised(20)));
    n.stop(SIGKILL);
  }
  {
    node n(data, options);
    REQUIRE(n.wait_for(revised(20)));
    ws_client ws(n.port());
    ws.send(R"({"id":1,"op":"sub","keys":["bar:NSE:NIFTY 50:2.5r","bar:NSE:NIFTY 50:20t"]})");
    const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
    REQUIRE(reply);
    CHECK_MESSAGE((*reply)["ok"] == true, reply->dump());
    const auto pushed = ws.next_that([](const json& m) {
      return m.value("ev", "") == "bar" && m["key"] == "bar:NSE:NIFTY 50:20t" &&
             m["bar"]["final"] == true && m["bar"]["ticks"] == 20;
    });
    REQUIRE(pushed);
    CHECK((*pushed)["bar"]["end"] > (*pushed)["bar"]["start"]);
    REQUIRE(n.wait_for([&](const json&) {
      return count(data, "SELECT COUNT(*) FROM bars_20t WHERE ticks = 0 AND revision > 0") > 0;
    }));
    CHECK(n.stop() == 0);
  }
  exchange.signal(SIGTERM);
  CHECK(exchange.wait() == 0);

  const auto digest = verified(data);
  for (const auto& [threads, batch] : {std::pair("1", "64"), {"2", "4096"}}) {
    const auto replayed =
        artham::test::artham({"replay", "--journal", data, "--out", dir / "replayed", "--set",
                              std::string("runtime.threads=") + threads, "--set",
                              std::string("runtime.batch=") + batch});
    CHECK(digest_of(replayed) == digest);
  }
  // What was withdrawn is a revision, and what is left follows each other.
  CHECK(count(data, "SELECT COUNT(*) FROM bars_20t WHERE ticks = 0 AND revision = 0") == 0);
  CHECK(count(data, "SELECT COUNT(*) FROM bars_20t WHERE ticks > 20") == 0);
  CHECK(count(data, "WITH last AS (SELECT * FROM bars_20t" + last_revisions +
                        ") SELECT COUNT(*) FROM (SELECT bar_start_ts, LAG(bar_end_ts) OVER "
                        "(PARTITION BY instrument_id ORDER BY bar_start_ts) AS before FROM last) "
                        "AS l WHERE before > bar_start_ts") == 0);
  CHECK(count(data, "SELECT COUNT(*) FROM bars_20t" + last_revisions) > 100);
}

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/recorded.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

/// The future is dearer than the index: a basis below 0.
const std::vector<std::string> formulas{
    "--set",
    "ingest.formulas=BASIS = 1 * [NSE:NIFTY 50] - 1 * NFO:NIFTY26NOVFUT, "
    "ATM = straddle(NIFTY, nearest)"};

std::uint64_t made(const json& status, const char* formula) {
  return status["formulas"][formula].value("ticks", std::uint64_t{0});
}

json bars(const node& n, const char* instrument) {
  return n.get(std::string("/v1/bars?timeframe=5s&limit=1000&instrument=") + instrument)["bars"];
}

std::size_t rows_of(const std::string& csv, const std::string& token) {
  std::size_t rows = 0;
  for (auto at = csv.find('\n' + token + ','); at != std::string::npos;
       at = csv.find('\n' + token + ',', at + 1))
    ++rows;
  return rows;
}

/// Both synthetic instruments by WebSocket, and the same by REST.
void check_live(const node& n) {
  ws_client ws(n.port());
  ws.send(
      R"({"id":1,"op":"sub","keys":["tick:SYN:BASIS","tick:SYN:ATM","bar:SYN:ATM:5s"],"history":9})");
  const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
  REQUIRE(reply);
  CHECK_MESSAGE((*reply)["ok"] == true, reply->dump());
  CHECK((*reply)["subs"][0]["state"] == "live");
  CHECK((*reply)["subs"][0]["snapshot"]["tick"]["last"].get<std::string>().starts_with('-'));
  const auto tick_of = [&](const char* key) {
    const auto m =
        ws.next_that([&](const json& e) { return e.value("ev", "") == "tick" && e["key"] == key; });
    REQUIRE(m);
    return (*m)["tick"];
  };
  const auto basis = tick_of("tick:SYN:BASIS");
  CHECK(basis["last"].get<std::string>().starts_with('-'));
  CHECK(basis["t_ex"].get<std::int64_t>() <= basis["t_rx"].get<std::int64_t>() + 5'000'000);
  CHECK_FALSE(basis.contains("volume"));
  CHECK(std::stod(tick_of("tick:SYN:ATM")["last"].get<std::string>()) > 0);
  const auto final_bar = ws.next_that(
      [](const json& m) { return m.value("ev", "") == "bar" && m["bar"]["final"] == true; });
  REQUIRE(final_bar);
  const auto pushed = (*final_bar)["bar"];
  CHECK(n.wait_for([&](const json&) {
    return std::ranges::any_of(bars(n, "SYN:ATM"), [&](const json& b) { return b == pushed; });
  }));
  const auto start = std::to_string(pushed["start"].get<std::int64_t>());
  const auto proof = n.get("/v1/bars/proof?instrument=SYN:ATM&timeframe=5s&start=" + start);
  CHECK_MESSAGE(proof["equal"] == true, proof.dump());
  const auto listed = n.get("/v1/instruments?query=ATM&exchange=SYN")["instruments"];
  REQUIRE(listed.size() == 1);
  CHECK(listed[0]["key"] == "SYN:ATM");
  const auto metrics = http_get(n.port(), "/metrics").body;
  CHECK(metrics.find(R"(artham_formula_stale_total{formula="ATM"})") != std::string::npos);
}

}  // namespace

TEST_CASE(
    "instruments of formulas have ticks and bars, across a kill, and replay needs no formula") {
  const scratch dir;
  const auto data = dir / "data";
  process exchange({artham::test::program(), "exchange", "--synthetic", "6", "--chains", "--seed",
                    "5", "--speed", "40", "--date", "2026-11-20"});
  const auto url = exchange.line();
  REQUIRE(url);
  auto options = formulas;
  for (const std::string& set :
       {"feed.url=" + *url, std::string("store.ticks=table"), std::string("feed.backoff_min=50ms"),
        std::string("bars.timeframes=5s 1m 20t"), std::string("ingest.instruments=NSE:NIFTY 50")}) {
    options.insert(options.end(), {"--set", set});
  }
  {
    node n(data, options);
    REQUIRE(n.wait_for([](const json& s) { return made(s, "ATM") > 200; }));
    check_live(n);
    n.stop(SIGKILL);
  }
  {
    node n(data, options);
    const auto before = bars(n, "SYN:ATM").size();
    CHECK(before > 0);
    REQUIRE(n.wait_for([](const json& s) { return made(s, "ATM") > 400; }));
    REQUIRE(n.wait_for([&](const json&) { return bars(n, "SYN:ATM").size() > before; }));
    exchange.signal(SIGKILL);
    exchange.wait();
    REQUIRE(n.wait_for([](const json& s) { return s["feed"]["state"] != "live"; }));
    CHECK(n.stop() == 0);
  }
  const auto verified = artham::test::artham({"verify", "--data", data});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
  CHECK(verified.out.find("differences 0\n") != std::string::npos);
  const auto replayed =
      artham::test::artham({"replay", "--journal", data, "--out", dir / "replayed"});
  CHECK(digest_of(replayed) == digest_of(verified));
  const auto csv = read_file(dir / "replayed/bars_5s.csv");
  for (const auto* name : {"BASIS", "ATM"}) {
    const auto where = std::string(
                           " WHERE instrument_token = (SELECT instrument_token FROM "
                           "instruments WHERE exchange = 'SYN' AND tradingsymbol = '") +
                       name + "')";
    auto token = sql(data, "SELECT DISTINCT instrument_token FROM bars_5s" + where);
    REQUIRE_FALSE(token.empty());
    token.pop_back();
    CHECK(rows_of(csv, token) > 10);
    CHECK(sql(data,
              "SELECT COUNT(*) > 100, COUNT(packet), COUNT(volume) FROM ticks WHERE "
              "instrument_id = (SELECT instrument_id FROM instruments WHERE exchange = 'SYN' "
              "AND tradingsymbol = '" +
                  std::string(name) + "')") == "1|0|0\n");
    // The instrument's ticks alone give its bars: legs and formula are not needed.
    const auto slice = dir / name;
    REQUIRE(artham::test::artham({"journal", "slice", data, "--out", slice, "--instrument",
                                  std::string("SYN:") + name})
                .code == 0);
    const auto alone =
        artham::test::artham({"replay", "--journal", slice, "--out", slice + "_bars"});
    REQUIRE_MESSAGE(alone.code == 0, alone.err);
    CHECK(rows_of(read_file(slice + "_bars/bars_5s.csv"), token) == rows_of(csv, token));
  }
}

TEST_CASE("a name stands for one calendar, and a formula is not subscribed") {
  const scratch dir;
  const auto refused = [&](const std::string& set) {
    const auto f =
        artham::test::artham({"run", "--data", dir / "data", "--set", "web.port=0", "--set",
                              "ingest.formulas=A = straddle(NIFTY, nearest)", "--set", set});
    CHECK(f.code == 2);
    return f.err;
  };
  CHECK(refused("ingest.instruments=SYN:A").find("leave it out") != std::string::npos);
  const auto err = refused("ingest.formulas=A = [NSE:NIFTY 50]");
  CHECK_MESSAGE(err.find("calendar of NFO, not of NSE") != std::string::npos, err);
}

TEST_CASE("a formula that makes no sense is refused at the start, with what is accepted") {
  const scratch dir;
  const auto refused = [&](const std::string& text, const std::vector<std::string>& what) {
    const auto f = artham::test::artham(
        {"run", "--data", dir / "data", "--set", "web.port=0", "--set", "ingest.formulas=" + text});
    INFO(f.err);
    CHECK(f.code == 2);
    CHECK(f.out.empty());
    for (const auto& part : what) CHECK(f.err.find(part) != std::string::npos);
  };
  refused("A = NSE:NIFTY 50", {"ingest.formulas", "character 15", "brackets"});
  refused("A = NSE:NOSUCH", {"ingest.formulas", "formula A", "NSE:NOSUCH"});
  refused("A = straddle(NIFTY, 2001-01-01)", {"formula A", "2001-01-01", "nearest"});
}

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "market/price.hpp"
#include "market/time.hpp"
#include "tests/e2e/node.hpp"
#include "tests/support/places.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
namespace market = artham::market;

namespace {

const std::filesystem::path shared =
    std::filesystem::path(artham::test::source_dir()) / ".." / "shared" / "data";
const std::string own_recording = artham::test::source_dir() + "/tests/data/synthetic/market_8.hex";
const std::string own_csv = artham::test::source_dir() + "/tests/data/synthetic/market_8.csv";

using row = std::map<std::string, std::string>;

std::vector<row> read_csv(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::vector<std::string> names;
  std::vector<row> rows;
  while (std::getline(in, line)) {
    std::vector<std::string> cells;
    std::string cell;
    for (const char c : line) {
      if (c == ',') {
        cells.push_back(std::exchange(cell, {}));
      } else if (c != '\r') {
        cell += c;
      }
    }
    cells.push_back(cell);
    if (names.empty()) {
      names = cells;
      continue;
    }
    row r;
    for (std::size_t i = 0; i < names.size(); ++i) r[names[i]] = i < cells.size() ? cells[i] : "";
    rows.push_back(std::move(r));
  }
  return rows;
}

std::string digest_of(const finished& f) {
  const auto at = f.out.find("digest sha256:");
  REQUIRE_MESSAGE(at != std::string::npos, f.err);
  return f.out.substr(at, f.out.find('\n', at) - at);
}

finished replay(std::vector<std::string> more) {
  std::vector<std::string> args{artham::test::program(), "replay"};
  args.insert(args.end(), more.begin(), more.end());
  auto f = run_to_end(std::move(args));
  REQUIRE_MESSAGE(f.code == 0, f.err);
  return f;
}

/// OHLC, volume, OI and ticks of every bar: what two runs of one recording agree in.
std::vector<std::tuple<std::string, std::string, std::string>> substance(
    const std::filesystem::path& dir) {
  std::vector<std::tuple<std::string, std::string, std::string>> all;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    for (auto& r : read_csv(entry.path())) {
      all.emplace_back(entry.path().filename(), r["instrument_token"] + " " + r["bar_start"],
                       r["open"] + " " + r["high"] + " " + r["low"] + " " + r["close"] + " " +
                           r["volume"] + " " + r["oi"] + " " + r["ticks"]);
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

struct played {
  std::string journal_digest;
  std::vector<std::tuple<std::string, std::string, std::string>> bars;
};

/// exchange -> WebSocket -> ingestor -> journal -> bars -> SQLite -> REST, then replay of that
/// journal.
played play(const std::string& recording, const std::string& speed, const scratch& dir,
            const std::string& name, const std::string& ticks = "journal") {
  const auto data = dir / (name + "-data");
  json rest;
  std::map<std::string, json> rest_bars;
  {
    node n(data, {"--recording", recording, "--speed", speed, "--set",
                  "bars.timeframes=10s 1m 5m 1D", "--set", "store.ticks=" + ticks});
    REQUIRE_MESSAGE(n.wait_for(settled), n.get("/v1/status").dump(1));
    const auto list = n.get("/v1/instruments?limit=1000");
    for (const auto& i : list["instruments"]) {
      const auto token = std::to_string(i["token"].get<std::uint32_t>());
      for (const auto* tf : {"10s", "1m", "5m", "1D"}) {
        rest_bars[std::string("bars_") + tf + ".csv " + token] =
            n.get("/v1/bars?instrument=" + token + "&timeframe=" + tf + "&limit=1000")["bars"];
      }
    }
    CHECK(n.stop() == 0);
  }
  played p;
  p.journal_digest = digest_of(replay({"--journal", data, "--out", dir / (name + "-out")}));
  p.bars = substance(dir / (name + "-out"));
  // REST had the same bars that the journal gives.
  std::size_t count = 0;
  for (const auto& [key, bars] : rest_bars) count += bars.size();
  CHECK(count == p.bars.size());
  for (const auto& entry : std::filesystem::directory_iterator(dir / (name + "-out"))) {
    std::map<std::string, std::size_t> next;
    for (auto& r : read_csv(entry.path())) {
      const auto key = entry.path().filename().string() + " " + r["instrument_token"];
      const auto& b = rest_bars[key][next[key]++];
      INFO(key << " " << r["bar_start"] << " " << b.dump());
      CHECK(b["open"] == r["open"]);
      CHECK(b["high"] == r["high"]);
      CHECK(b["low"] == r["low"]);
      CHECK(b["close"] == r["close"]);
      CHECK(std::to_string(b["ticks"].get<std::uint64_t>()) == r["ticks"]);
      if (b.contains("volume"))
        CHECK(std::to_string(b["volume"].get<std::int64_t>()) == r["volume"]);
    }
  }
  return p;
}

/// A tick file of ../shared/data/market in the columns of our tick CSV.
void convert(const std::filesystem::path& from, const std::string& to, std::uint32_t token) {
  std::ofstream out(to);
  const auto rows = read_csv(from);
  bool sizes = false;
  bool cumulative = false;
  bool oi = false;
  for (const auto& r : rows) {
    sizes = sizes || !r.at("size").empty();
    cumulative = cumulative || !r.at("cum_volume").empty();
    oi = oi || !r.at("oi").empty();
  }
  out << "exchange_timestamp,instrument_token,last_price" << (sizes ? ",last_traded_quantity" : "")
      << (cumulative ? ",volume_traded" : "") << (oi ? ",oi" : "") << '\n';
  for (const auto& r : rows) {
    out << r.at("ts_ms") << "000000," << token << ',' << r.at("price");
    if (sizes) out << ',' << r.at("size");
    if (cumulative) out << ',' << r.at("cum_volume");
    if (oi) out << ',' << r.at("oi");
    out << '\n';
  }
}

}  // namespace

TEST_CASE("a replay gives the same digest for any number of threads and any block size") {
  const scratch dir;
  std::string first;
  for (const auto* batch : {"1", "7", "1000", "262144"}) {
    for (const auto* threads : {"1", "3"}) {
      const auto out = dir / (std::string("out-") + batch + "-" + threads);
      const auto d = digest_of(replay({"--ticks", own_csv, "--out", out, "--timeframes",
                                       "10s 1m 1D", "--set", std::string("runtime.batch=") + batch,
                                       "--set", std::string("runtime.threads=") + threads}));
      if (first.empty()) first = d;
      CHECK(d == first);
    }
  }
  CHECK(read_csv(dir / "out-1-1" + "/bars_10s.csv").size() > 20);
}

TEST_CASE("a tick CSV becomes exactly the bars that one computes by hand") {
  const scratch dir;
  {
    std::ofstream out(dir / "ticks.csv");
    out << "exchange_timestamp,instrument_token,last_price,volume_traded,oi\n"
           "2025-06-02T09:14:59+05:30,408065,99.5,100,1000\n"
           "2025-06-02T09:15:00+05:30,408065,100,150,1000\n"
           "2025-06-02T09:15:30.5+05:30,408065,101.25,250,1010\n"
           "2025-06-02T09:15:59+05:30,408065,100.75,250,1005\n"
           "2025-06-02T09:16:00+05:30,408065,102,300,1005\n"
           "2025-06-02T15:30:00+05:30,408065,103,400,1005\n";
  }
  replay({"--ticks", dir / "ticks.csv", "--out", dir / "out", "--timeframes", "1m,1D", "--calendar",
          "NSE"});
  CHECK(read_file(dir / "out/bars_1m.csv") ==
        "instrument_token,bar_start,open,high,low,close,volume,oi,oi_change,vwap,ticks,flags,"
        "revision\n"
        "408065,2025-06-02T09:15:00+05:30,100,101.25,100,100.75,150,1005,5,100.833333333,3,,0\n"
        "408065,2025-06-02T09:16:00+05:30,102,102,102,102,50,1005,0,102,1,,0\n");
  CHECK(read_file(dir / "out/bars_1D.csv") ==
        "instrument_token,bar_start,open,high,low,close,volume,oi,oi_change,vwap,ticks,flags,"
        "revision\n"
        "408065,2025-06-02T09:15:00+05:30,100,102,100,102,200,1005,5,101.125,4,,0\n");
}

TEST_CASE("a replay makes weeks and months out of its days") {
  const scratch dir;
  {
    std::ofstream out(dir / "ticks.csv");
    out << "exchange_timestamp,instrument_token,last_price,volume_traded,oi\n";
    // Friday, Monday and Tuesday; then the first of the next month, another token.
    for (const auto* day : {"2025-05-30", "2025-06-02", "2025-06-03"}) {
      out << day << "T09:14:59+05:30,7,100,0,1000\n"
          << day << "T09:15:00+05:30,7,100,100,1000\n"
          << day << "T10:00:00+05:30,7,104,200,1010\n"
          << day << "T15:29:59+05:30,7,99,400,1020\n";
    }
    out << "2025-06-03T15:29:59+05:30,8,5,10,\n";
  }
  replay({"--ticks", dir / "ticks.csv", "--out", dir / "out", "--timeframes", "1W 1M", "--calendar",
          "NSE"});
  const std::string header =
      "instrument_token,bar_start,open,high,low,close,volume,oi,oi_change,vwap,ticks,flags,"
      "revision\n";
  CHECK(read_file(dir / "out/bars_1W.csv") ==
        header +
            "7,2025-05-26T09:15:00+05:30,100,104,99,99,400,1020,20,100.5,3,,0\n"
            "7,2025-06-02T09:15:00+05:30,100,104,99,99,800,1020,20,100.5,6,,0\n"
            "8,2025-06-02T09:15:00+05:30,5,5,5,5,0,,,,1,partial,0\n");
  const auto months = read_file(dir / "out/bars_1M.csv");
  // The 1st of May is a holiday.
  CHECK(months.find("7,2025-05-02T09:15:00+05:30,100,104,99,99,400,") != std::string::npos);
  CHECK(months.find("7,2025-06-02T09:15:00+05:30,100,104,99,99,800,") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "out/bars_1D.csv"));
}

TEST_CASE(
    "two live runs of one recording agree, and each run's journal gives its bars byte for byte") {
  const scratch dir;
  const auto slow = play(own_recording, "20", dir, "slow");
  const auto fast = play(own_recording, "max", dir, "fast", "table");
  REQUIRE(slow.bars.size() > 20);
  CHECK(slow.bars == fast.bars);

  SUBCASE("and the journal's digest does not depend on how it is read") {
    const auto again =
        digest_of(replay({"--journal", dir / "fast-data", "--out", dir / "again", "--set",
                          "runtime.batch=3", "--set", "runtime.threads=1"}));
    CHECK(again == fast.journal_digest);
  }
  SUBCASE("a recording that is finished is refused with the way out") {
    const auto f = run_to_end({artham::test::program(), "run", "--data", dir / "fast-data", "--set",
                               "web.port=0", "--set", "bars.timeframes=10s 1m 5m 1D", "--recording",
                               own_recording});
    CHECK(f.code == 2);
    CHECK(f.err.find("--data") != std::string::npos);
  }
  SUBCASE("and so is another market on the same directory") {
    const auto f = run_to_end(
        {artham::test::program(), "run", "--data", dir / "fast-data", "--set", "web.port=0"});
    CHECK(f.code == 2);
    CHECK(f.err.find("--data") != std::string::npos);
  }
}

TEST_CASE("recorded NIFTY future ticks go all the way, at two speeds") {
  const auto recording = shared / "kite/recorded/nifty25decfut_ticks_0717_0719utc.hex";
  if (!std::filesystem::exists(recording)) {
    MESSAGE("../shared/data is not here: the made-up recording above stands in");
    return;
  }
  const scratch dir;
  const auto paced = play(recording, "30", dir, "paced");
  const auto fast = play(recording, "max", dir, "fast");
  CHECK(paced.bars == fast.bars);
  // 165 recorded ticks, each in exactly one ten-second bar.
  std::size_t ticks = 0;
  for (const auto& [file, key, text] : fast.bars) {
    if (file == "bars_10s.csv") ticks += std::stoul(text.substr(text.rfind(' ') + 1));
  }
  CHECK(ticks == 165);
}

TEST_CASE("real ticks of NSE, New York and a coin exchange give the expected bars") {
  const auto market_dir = shared / "market";
  if (!std::filesystem::exists(market_dir)) {
    MESSAGE("../shared/data is not here: the bars computed by hand above stand in");
    return;
  }
  struct source {
    const char* name;
    const char* calendar;
    int scale;
    bool sizes;
  };
  const std::vector<source> sources{{"nifty50_index_20220823", "NSE", 0, false},
                                    {"nifty50_index_20220901", "NSE", 0, false},
                                    {"nifty50_index_20221025", "NSE", 0, false},
                                    {"nifty25decfut_20251229_early", "NSE", 0, true},
                                    {"nifty25decfut_kitecum_20251229_a", "NSE", 0, false},
                                    {"ibm_20131007_trades", "NYSE", 0, true},
                                    {"aig_20131007_trades", "NYSE", 0, true},
                                    {"bac_20131011_trades", "NYSE", 0, true},
                                    {"btcusdt_spot_20240808_trades", "24x7", 8, true},
                                    {"ethusdt_spot_20240808_trades", "24x7", 8, true}};
  const scratch dir;
  std::size_t compared = 0;
  for (const auto& s : sources) {
    INFO(s.name);
    const auto csv = dir / (std::string(s.name) + ".csv");
    convert(market_dir / "ticks" / (std::string(s.name) + ".csv"), csv, 408065);
    const auto out = dir / s.name;
    std::vector<std::string> args{"--ticks",
                                  csv,
                                  "--out",
                                  out,
                                  "--timeframes",
                                  "1m 5m 15m 60m",
                                  "--calendar",
                                  s.calendar,
                                  "--quantity-scale",
                                  std::to_string(s.scale)};
    if (s.sizes) {
      args.push_back("--volume");
      args.push_back("sizes");
    }
    replay(std::move(args));
    for (const auto& [theirs, ours] :
         {std::pair{"1m", "1m"}, {"5m", "5m"}, {"15m", "15m"}, {"60m", "1h"}}) {
      auto expected =
          read_csv(market_dir / "expected" / (std::string(s.name) + "_" + theirs + ".csv"));
      auto got = read_csv(out + "/bars_" + ours + ".csv");
      REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        INFO(theirs << " row " << i << " " << got[i]["bar_start"]);
        const auto start = market::parse_rfc3339(got[i]["bar_start"]);
        REQUIRE(start);
        CHECK(std::to_string(*start / market::millisecond) == expected[i]["ts_ms"]);
        for (const auto* field : {"open", "high", "low", "close"}) {
          CHECK(market::parse_price(got[i][field]) == market::parse_price(expected[i][field]));
        }
        CHECK(got[i]["ticks"] == expected[i]["ticks"]);
        CHECK(got[i]["oi"] == expected[i]["oi"]);
        if (!got[i]["volume"].empty()) {
          CHECK(market::parse_scaled(got[i]["volume"], 0) ==
                market::parse_scaled(expected[i]["volume"], s.scale));
        } else {
          CHECK(expected[i]["volume"] == "0");
        }
        ++compared;
      }
    }
  }
  CHECK(compared > 2500);
}

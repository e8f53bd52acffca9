#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/recorded.hpp"
#include "tests/support/places.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

finished verify(const std::string& data, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"verify", "--data", data};
  args.insert(args.end(), more.begin(), more.end());
  return artham::test::artham(std::move(args));
}

void clean(const std::string& data) {
  const auto f = verify(data);
  INFO(f.out << f.err);
  CHECK(f.code == 0);
  CHECK(f.out.find("differences 0\n") != std::string::npos);
}

/// Ends with 1 and a line on stdout that has all of `what`.
void differs(const std::string& data, const std::vector<std::string>& what) {
  const auto f = verify(data);
  INFO(f.out << f.err);
  CHECK(f.code == 1);
  bool named = false;
  for (std::size_t at = 0; at < f.out.size();) {
    const auto end = f.out.find('\n', at);
    const auto line = f.out.substr(at, end - at);
    bool all = true;
    for (const auto& w : what) all = all && line.find(w) != std::string::npos;
    named = named || all;
    at = end + 1;
  }
  CHECK_MESSAGE(named, what.front() << " … " << what.back());
}

/// A copy of a data directory to be tampered with.
std::string copy_of(const std::string& data, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(data, to, std::filesystem::copy_options::recursive);
  return to;
}

const std::string one_bar =
    " WHERE (instrument_token, bar_start_ts) IN (SELECT instrument_token, bar_start_ts FROM "
    "bars_1m ORDER BY bar_start_ts, instrument_token LIMIT 1 OFFSET 3)";

}  // namespace

TEST_CASE("what a run stored is what its journal gives, and the digest is that of a replay") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data, {"--set", "store.ticks=table"});
  clean(data);
  const auto replayed =
      artham::test::artham({"replay", "--journal", data, "--out", dir / "replayed"});
  const auto verified = verify(data);
  CHECK(digest_of(verified) == digest_of(replayed));
  CHECK(verified.out.find("instruments 8\n") != std::string::npos);
  CHECK(verified.out.find("ticks 185\n") != std::string::npos);

  const auto j = json::parse(verify(data, {"--json"}).out);
  CHECK(j["equal"] == true);
  CHECK(j["instruments"] == 8);
  CHECK(std::to_string(j["bars"]["10s"].get<int>()) + "\n" ==
        sql(data, "SELECT COUNT(*) FROM bars_10s"));
  CHECK(j["differences"].empty());
  CHECK("digest " + j["digest"].get<std::string>() == digest_of(replayed));

  SUBCASE("a trading date is checked on its own") {
    const auto day = sql(data,
                         "SELECT date(bar_start_ts / 1000000000 + 19800, 'unixepoch') FROM bars_1D "
                         "LIMIT 1")
                         .substr(0, 10);
    const auto of_day = verify(data, {"--day", day});
    CHECK(of_day.code == 0);
    CHECK(digest_of(of_day) == digest_of(replayed));
    const auto other = verify(data, {"--day", "2020-01-01"});
    CHECK(other.code == 2);
    CHECK(other.err.find("2020-01-01") != std::string::npos);
    const auto no_date = verify(data, {"--day", "yesterday"});
    CHECK(no_date.code == 2);
    CHECK(no_date.err.find("yesterday") != std::string::npos);
  }
}

TEST_CASE("every column of a stored bar is held against the journal, and the difference is named") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data);
  const auto name = "TOKEN:" + sql(data, "SELECT instrument_token FROM bars_1m" + one_bar);
  const auto key = name.substr(0, name.size() - 1) + " 1m ";
  for (const auto* column :
       {"revision", "bar_end_ts",  "open",        "high",          "low",
        "close",    "volume",      "oi",          "oi_change",     "vwap",
        "ticks",    "flags",       "first_epoch", "first_seq",     "last_epoch",
        "last_seq", "cause_epoch", "cause_seq",   "cause_ordinal", "instrument_id"}) {
    INFO(column);
    const auto tampered = copy_of(data, dir / "tampered");
    sql(tampered, std::string("UPDATE bars_1m SET ") + column + " = COALESCE(" + column +
                      ", 0) + 1000" + one_bar);
    differs(tampered, {key, std::string(column) + ": stored"});
  }
  const auto tampered = copy_of(data, dir / "tampered");
  sql(tampered, "UPDATE bars_1m SET volume = NULL" + one_bar);
  differs(tampered, {key, "volume: stored none, rebuilt "});
}

TEST_CASE("bars that are missing or too many are named") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data);
  const auto name = "TOKEN:" + sql(data, "SELECT instrument_token FROM bars_1m" + one_bar);
  const auto key = name.substr(0, name.size() - 1) + " 1m ";
  SUBCASE("missing") {
    sql(data, "DELETE FROM bars_1m" + one_bar);
    differs(data, {key, "missing"});
  }
  SUBCASE("the last ones") {
    sql(data, "DELETE FROM bars_1m");
    differs(data, {key, "missing"});
  }
  SUBCASE("a whole table") {
    sql(data, "DROP TABLE bars_1m");
    const auto f = verify(data);
    CHECK(f.code == 1);
    CHECK(f.out.find("1m") != std::string::npos);
  }
  SUBCASE("moved") {
    sql(data, "UPDATE bars_1m SET bar_start_ts = bar_start_ts + 60000000000" + one_bar);
    differs(data, {key, "missing"});
    differs(data, {key, "surplus"});
  }
  SUBCASE("a revision that nothing made") {
    sql(data,
        "INSERT INTO bars_1m SELECT instrument_id, bar_start_ts, 1, instrument_token, "
        "bar_end_ts, open, high, low, close, volume, oi, oi_change, vwap, ticks, flags, "
        "first_epoch, first_seq, last_epoch, last_seq, cause_epoch, cause_seq, "
        "cause_ordinal FROM bars_1m" +
            one_bar);
    differs(data, {key, "revision 1", "surplus"});
  }
}

TEST_CASE("each journaled tick is a row once") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data, {"--set", "store.ticks=table"});
  SUBCASE("missing") {
    const auto seq = sql(data, "SELECT seq FROM ticks LIMIT 1 OFFSET 20");
    sql(data, "DELETE FROM ticks WHERE seq = " + seq);
    differs(data, {"ticks epoch", "seq " + seq.substr(0, seq.size() - 1), "missing", "1 ticks"});
  }
  SUBCASE("at the end") {
    sql(data, "DELETE FROM ticks WHERE seq = (SELECT MAX(seq) FROM ticks)");
    differs(data, {"ticks epoch", "missing"});
  }
  SUBCASE("too many") {
    sql(data, "UPDATE ticks SET seq = seq + 1000000 WHERE seq = (SELECT MAX(seq) FROM ticks)");
    differs(data, {"ticks epoch", "surplus"});
  }
  SUBCASE("changed") {
    sql(data,
        "UPDATE ticks SET last_price = last_price + 50000000 WHERE seq = (SELECT MAX(seq) "
        "FROM ticks)");
    differs(data, {"tick epoch", "last_price: stored"});
    sql(data, "UPDATE ticks SET packet = zeroblob(8) WHERE seq = (SELECT MAX(seq) FROM ticks)");
    differs(data, {"tick epoch", "packet: stored"});
  }
}

TEST_CASE("what is not committed yet is no difference, and is told") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data);
  // As if the program had ended before its last transaction of this stream.
  sql(data, "DELETE FROM bars_1m; DELETE FROM positions WHERE stream = 'md:bars:final.1m'");
  const auto f = verify(data);
  INFO(f.out << f.err);
  CHECK(f.code == 0);
  CHECK(f.out.find("note: 1m") != std::string::npos);
  CHECK(f.out.find("8 bars of the journal are not stored yet") != std::string::npos);
}

TEST_CASE("killed, started again with other settings, killed and stopped: it verifies each time") {
  const scratch dir;
  const auto data = dir / "data";
  run_synthetic(data, 1500, SIGKILL, {"--set", "bars.timeframes=5s 1m"});
  clean(data);
  run_synthetic(data, 1500, SIGTERM, {"--set", "bars.timeframes=5s 1m"});
  clean(data);
  run_synthetic(data, 1500, SIGKILL,
                {"--set", "bars.timeframes=5s 15s 1m", "--set", "bars.lateness=2s"});
  clean(data);
  run_synthetic(data, 1500, SIGTERM, {"--set", "bars.timeframes=15s 30s"});
  clean(data);
  CHECK(std::stoi(sql(data, "SELECT COUNT(*) FROM bars_5s")) > 100);
  CHECK(std::stoi(sql(data, "SELECT COUNT(*) FROM bars_30s")) > 20);
}

TEST_CASE("bars that a run still owed when its settings changed are made by the earlier ones") {
  const scratch dir;
  const auto data = dir / "data";
  run_synthetic(data, 1500, SIGTERM, {"--set", "bars.timeframes=5s 1m"});
  const auto owed = std::stoi(sql(data, "SELECT COUNT(*) FROM bars_5s"));
  REQUIRE(owed > 100);
  // As if the program had ended before it appended any of them.
  std::filesystem::remove_all(data + "/journal/md:bars:final.5s");
  std::filesystem::remove_all(data + "/checkpoints");
  sql(data, "DELETE FROM bars_5s; DELETE FROM positions WHERE stream = 'md:bars:final.5s'");
  run_synthetic(data, 500, SIGTERM,
                {"--set", "bars.timeframes=15s 1m", "--set", "bars.lateness=2s"});
  clean(data);
  const auto clean_again = verify(data).out;
  CHECK_MESSAGE(clean_again.find("note: 5s") == std::string::npos, clean_again);
  // It may have journaled more than it could store before it ended.
  CHECK(std::stoi(sql(data, "SELECT COUNT(*) FROM bars_5s")) >= owed);
}

TEST_CASE(
    "late ticks revise bars, which replays make again and verify checks, revision by revision") {
  const scratch dir;
  const auto data = dir / "data";
  process exchange({artham::test::program(), "exchange", "--synthetic", "40", "--speed", "60",
                    "--disorder", "delayed=20,duplicated=5,delay=30s,seed=7"});
  const auto url = exchange.line();
  REQUIRE_MESSAGE(url, exchange.errors());
  {
    node n(data, {"--set", "feed.url=" + *url, "--set", "feed.clock=exchange", "--set",
                  "bars.timeframes=10s 1m 5m"});
    REQUIRE(n.wait_for(
        [](const json& s) { return s["metrics"].value("artham_bars_revised_total.1m", 0) >= 10; }));
    CHECK(n.get("/v1/status")["metrics"]["artham_bar_ticks_late_total"] >= 10);
    n.stop(SIGKILL);
  }
  {
    node n(data, {"--set", "feed.url=" + *url, "--set", "feed.clock=exchange", "--set",
                  "bars.timeframes=10s 1m 5m"});
    REQUIRE(n.wait_for(
        [](const json& s) { return s["metrics"].value("artham_bars_revised_total.1m", 0) >= 5; }));
    // A revised bar: as it was when it became final, as it is, and both.
    const auto found =
        sql(data,
            "SELECT late.instrument_token, late.bar_start_ts / 1000, (late.bar_end_ts "
            "+ 3000000000) / 1000, first.ticks, late.ticks FROM bars_1m AS late JOIN "
            "bars_1m AS first USING (instrument_id, bar_start_ts) WHERE "
            "first.revision = 0 AND late.revision = 1 ORDER BY late.cause_seq - "
            "first.cause_seq DESC LIMIT 1");
    std::vector<std::string> field{""};
    for (const char c : found) {
      if (c == '|')
        field.emplace_back();
      else if (c != '\n')
        field.back() += c;
    }
    REQUIRE(field.size() == 5);
    const auto end = std::to_string(std::stoll(field[1]) + 1);
    const auto bars =
        "/v1/bars?instrument=" + field[0] + "&timeframe=1m&from=" + field[1] + "&to=" + end;
    const auto then = n.get(bars + "&as_of=" + field[2]);
    INFO(then.dump());
    REQUIRE(then["bars"].size() == 1);
    CHECK(then["bars"][0]["revision"] == 0);
    CHECK(then["bars"][0]["ticks"] == std::stoi(field[3]));
    const auto all = n.get(bars + "&revision=all");
    REQUIRE(all["bars"].size() >= 2);
    CHECK(all["bars"][0] == then["bars"][0]);
    CHECK(all["bars"][1]["revision"] == 1);
    CHECK(all["bars"][1]["ticks"] == std::stoi(field[4]));
    CHECK(all["bars"][1]["flags"].back() == "late");
    CHECK(n.get(bars)["bars"][0]["revision"] >= 1);
    CHECK(n.stop() == 0);
  }
  exchange.signal(SIGTERM);
  CHECK(exchange.wait() == 0);
  clean(data);
  const auto verified = digest_of(verify(data));
  for (const auto& [threads, batch] : {std::pair("1", "1"), {"2", "64"}, {"4", "262144"}}) {
    const auto replayed =
        artham::test::artham({"replay", "--journal", data, "--out", dir / "replayed", "--set",
                              std::string("runtime.threads=") + threads, "--set",
                              std::string("runtime.batch=") + batch});
    CHECK(digest_of(replayed) == verified);
  }
  const auto revised = sql(data,
                           "SELECT COUNT(*) FROM bars_1m AS late JOIN bars_1m AS first USING "
                           "(instrument_id, bar_start_ts) WHERE late.revision = first.revision + 1 "
                           "AND late.flags & 4 AND late.ticks >= first.ticks AND late.cause_seq > "
                           "first.cause_seq");
  // What came last may be journaled and not stored yet.
  CHECK(std::stoi(revised) >= 5);
  CHECK(revised == sql(data, "SELECT COUNT(*) FROM bars_1m WHERE revision > 0"));
}

TEST_CASE("a damaged journal is named by stream, file and positions") {
  const scratch dir;
  const auto data = dir / "data";
  run_synthetic(data, 1500, SIGTERM, {"--set", "bars.timeframes=5s 1m"});
  const auto segment = segments(data, "md:ticks").back();
  SUBCASE("in the middle") {
    flip_byte(segment, std::filesystem::file_size(segment) / 2);
  }
  SUBCASE("in the last block of what was closed") {
    flip_byte(segment, std::filesystem::file_size(segment) - 3);
  }
  const auto f = verify(data);
  INFO(f.err);
  CHECK(f.code == 4);
  CHECK(f.err.find("md:ticks") != std::string::npos);
  CHECK(f.err.find(segment.filename().string()) != std::string::npos);
  CHECK(f.err.find("positions ") != std::string::npos);
}

TEST_CASE("what cannot be verified is refused with the way out") {
  const scratch dir;
  const auto missing = verify(dir / "none");
  CHECK(missing.code == 3);
  CHECK(missing.err.find(dir / "none") != std::string::npos);
  std::filesystem::create_directories(dir / "empty");
  const auto empty = verify(dir / "empty");
  CHECK(empty.code == 3);
  CHECK(empty.err.find("no journal in " + (dir / "empty")) != std::string::npos);
  CHECK(artham::test::artham({"verify"}).code == 2);

  const auto data = dir / "data";
  node n(data);
  const auto running = verify(data);
  CHECK(running.code == 3);
  CHECK(running.err.find(std::to_string(n.process().pid())) != std::string::npos);
  CHECK(running.err.find("stop") != std::string::npos);
  CHECK(n.stop() == 0);
}

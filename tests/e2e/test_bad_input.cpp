#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/e2e/node.hpp"
#include "tests/support/places.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)

namespace {

/// Ends with `code` and one clear line that names `what`.
void refused(std::vector<std::string> args, int code, const std::vector<std::string>& what) {
  args.insert(args.begin(), artham::test::program());
  const auto f = run_to_end(std::move(args));
  INFO(f.err);
  CHECK(f.code == code);
  for (const auto& w : what) CHECK_MESSAGE(f.err.find(w) != std::string::npos, w);
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = f.err.find("artham: ", at)) != std::string::npos; ++at) ++lines;
  CHECK(lines == 1);
}

}  // namespace

TEST_CASE("a recording that is missing or malformed is refused by name, line and field") {
  const scratch dir;
  refused({"run", "--data", dir / "a", "--recording", dir / "none.csv"}, 2, {"none.csv"});
  {
    std::ofstream out(dir / "bad.csv");
    out << "exchange_timestamp,instrument_token,last_price\n2025-06-02T09:15:00+05:30,408065,1.5\n"
           "2025-06-02T09:15:01+05:30,408065,oops\n";
  }
  refused({"run", "--data", dir / "b", "--recording", dir / "bad.csv"}, 2,
          {"bad.csv", "3", "last_price", "oops"});
  refused({"replay", "--ticks", dir / "bad.csv", "--out", dir / "o"}, 2,
          {"bad.csv", "3", "last_price", "oops"});
  refused({"exchange", "--recording", dir / "bad.csv"}, 2, {"bad.csv", "3", "last_price"});
  {
    std::ofstream out(dir / "bad.hex");
    out << "0001000800zz\n";
  }
  refused({"exchange", "--recording", dir / "bad.hex"}, 2, {"bad.hex", "1"});
  {
    std::ofstream out(dir / "sub.csv");
    out << "exchange_timestamp,instrument_token,last_price\n2025-06-02T09:15:00.5+05:30,408065,1."
           "5\n";
  }
  refused({"exchange", "--recording", dir / "sub.csv"}, 2, {"sub.csv", "2", "exchange_timestamp"});
}

TEST_CASE("settings and options that make no sense are refused by name") {
  const scratch dir;
  refused({"run", "--data", dir / "a", "--set", "web.prot=1"}, 2, {"web.prot", "web.port"});
  refused({"run", "--data", dir / "a", "--set", "bars.timeframes=1m 7x"}, 2, {"7x"});
  refused({"replay", "--ticks", "x.csv", "--out", dir / "o", "--timeframes", "5q"}, 2,
          {"--timeframes", "5q"});
  refused({"replay", "--ticks", dir / "none.csv", "--out", dir / "o"}, 2, {"none.csv"});
  refused({"replay", "--journal", dir / "none", "--out", dir / "o"}, 2, {"none"});
  refused({"replay", "--ticks", "x.csv", "--out", dir / "o", "--calendar", "MOON"}, 2, {"MOON"});
  refused({"exchange", "--synthetic", "5", "--speed", "quick"}, 2, {"--speed", "quick"});
  refused({"exchange", "--synthetic", "5", "--date", "2025-08-15"}, 2, {"2025-08-15"});
  refused({"status", "--url", "http://127.0.0.1:1"}, 3, {"http://127.0.0.1:1", "--url"});
  CHECK(run_to_end({artham::test::program(), "frobnicate"}).code == 2);
  CHECK(run_to_end({artham::test::program(), "version"}).out.starts_with("artham "));
}

TEST_CASE(
    "a port in use and a directory that cannot be written are told apart, each with its way out") {
  const scratch dir;
  node n(dir / "data");
  refused({"run", "--data", dir / "other", "--set", "web.port=" + std::to_string(n.port())}, 2,
          {std::to_string(n.port()), "web.port"});
  { std::ofstream(dir / "file") << "in the way"; }
  refused({"run", "--data", dir / "file/data"}, 2, {"file/data", "--data"});
  CHECK(n.stop() == 0);
}

TEST_CASE("doctor names what is wrong and the remedy") {
  const scratch dir;
  node n(dir / "data");
  const auto f = run_to_end({artham::test::program(), "doctor", "--data", dir / "x", "--set",
                             "web.port=" + std::to_string(n.port())});
  CHECK(f.code == 1);
  CHECK(f.out.find("FAIL  web port") != std::string::npos);
  CHECK(f.out.find("web.port") != std::string::npos);
  const auto settings =
      run_to_end({artham::test::program(), "doctor", "--print-settings", "--set", "web.port=1234"});
  CHECK(settings.code == 0);
  CHECK(settings.out.find("web.port = 1234  # --set") != std::string::npos);
  CHECK(n.stop() == 0);
}

TEST_CASE(
    "a date that the calendar does not know is taken for an ordinary one, and status says so") {
  const scratch dir;
  process exchange({artham::test::program(), "exchange", "--synthetic", "5", "--date", "2031-03-03",
                    "--speed", "120"});
  const auto url = exchange.line();
  REQUIRE_MESSAGE(url, exchange.errors());
  node n(dir / "data", {"--set", "feed.url=" + *url, "--set", "feed.clock=exchange"});
  CHECK(n.wait_for([](const nlohmann::json& s) {
    return s["metrics"].value("artham_bars_final_total.1m", 0) > 0;
  }));
  const auto assumed = n.get("/v1/status")["calendars_assumed"];
  CHECK(assumed["NSE"]["date"] == "2031-03-03");
  CHECK(assumed["NSE"]["known_until"] == "2026-12-31");
  CHECK(n.stop() == 0);
}

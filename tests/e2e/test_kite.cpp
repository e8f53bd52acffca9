#include <doctest/doctest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "app/calendars.hpp"
#include "config/calendar_file.hpp"
#include "exchange/server.hpp"
#include "tests/e2e/node.hpp"
#include "tests/support/places.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

/// The exchange as Kite: it knows one key, one secret and one login.
std::unique_ptr<exchange::server> kite() {
  exchange::options o;
  const auto calendars = app::load_calendar_set(config::builtin_calendar_names());
  REQUIRE(calendars);
  for (const auto& [name, c] : calendars->by_name) o.calendars.emplace(name, c);
  exchange::synthetic_source_options source;
  source.market.instruments = 5;
  source.start = o.calendars.at("NSE")->day(market::make_date(2026, 11, 20)).sessions.front().open;
  o.source = source;
  o.credentials = exchange::credentials{"key", "shh", "asked", "granted"};
  auto started = exchange::start(std::move(o));
  REQUIRE(started);
  return std::move(*started);
}

}  // namespace

TEST_CASE("a feed without a valid login waits, and goes on with the token that kite login brings") {
  const auto exchange = kite();
  const scratch dir;
  const auto data = dir / "data";
  const auto port = std::to_string(exchange->port());
  const std::vector<std::string> about{"--set", "feed.url=ws://127.0.0.1:" + port,
                                       "--set", "feed.rest_url=http://127.0.0.1:" + port,
                                       "--set", "feed.api_key=key"};
  const auto artham = [&](std::vector<std::string> args) {
    args.insert(args.begin(), artham::test::program());
    args.insert(args.end(), about.begin(), about.end());
    return args;
  };
  const auto kite_command = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"kite"});
    args.insert(args.end(), {"--set", "data.dir=" + data});
    return run_to_end(artham(std::move(args)));
  };
  const auto token_file = data + "/access_token.json";

  // The first start of all needs the instruments, and they need a login.
  const auto too_early = run_to_end(artham({"run", "--data", data, "--set", "web.port=0"}));
  CHECK(too_early.code == 3);
  CHECK(too_early.err.find("artham kite login") != std::string::npos);

  setenv("ARTHAM_FEED__API_SECRET", "shh", 1);
  const auto refused = kite_command({"login", "--request-token", "made-up"});
  CHECK(refused.code != 0);
  CHECK(refused.err.find("Kite login") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(token_file));
  const auto login = kite_command({"login", "--request-token", "asked"});
  INFO(login.err);
  REQUIRE(login.code == 0);
  struct stat kept {};
  REQUIRE(stat(token_file.c_str(), &kept) == 0);
  CHECK((kept.st_mode & 0777) == 0600);
  CHECK((login.out + login.err).find("granted") == std::string::npos);
  const auto dump = kite_command({"instruments"});
  CHECK(dump.code == 0);
  CHECK(dump.out.starts_with("5 instruments in force from "));

  // The next morning: yesterday's token is not valid any more.
  std::filesystem::remove(token_file);
  node n(data, about);
  REQUIRE(
      n.wait_for([](const json& s) { return s["feed"].value("state", "") == "token_expired"; }));
  CHECK(http_get(n.port(), "/readyz").status == 503);
  CHECK(kite_command({"login", "--request-token", "asked"}).code == 0);
  unsetenv("ARTHAM_FEED__API_SECRET");
  CHECK(n.wait_for([](const json& s) {
    return s["feed"].value("state", "") == "live" && s.value("ticks_received", 0) > 0;
  }));
  CHECK(n.stop() == 0);
  CHECK(n.process().errors().find("granted") == std::string::npos);
}

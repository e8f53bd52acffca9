#include <doctest/doctest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <map>
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

/// The exchange as Kite: it knows two keys, each with a secret and a login.
std::unique_ptr<exchange::server> kite() {
  exchange::options o;
  const auto calendars = app::load_calendar_set(config::builtin_calendar_names());
  REQUIRE(calendars);
  for (const auto& [name, c] : calendars->by_name) o.calendars.emplace(name, c);
  exchange::synthetic_source_options source;
  source.market.instruments = 5;
  source.start = o.calendars.at("NSE")->day(market::make_date(2026, 11, 20)).sessions.front().open;
  o.source = source;
  o.credentials = {{"key", "shh", "asked", "granted"}, {"more", "hush", "again", "given"}};
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

TEST_CASE("each key has its own login, which kite login gets by its name and doctor checks") {
  const auto exchange = kite();
  const scratch dir;
  const auto data = dir / "data";
  const auto artham = [&](std::vector<std::string> args, const std::string& url) {
    args.insert(args.begin(), artham::test::program());
    args.insert(args.end(),
                {"--set", "feed.url=" + url, "--set",
                 "feed.rest_url=http://127.0.0.1:" + std::to_string(exchange->port()), "--set",
                 "feed.api_key=key", "--set", "feed.more_keys=more", "--set", "data.dir=" + data});
    return run_to_end(args);
  };
  const auto local = "ws://127.0.0.1:" + std::to_string(exchange->port());
  setenv("ARTHAM_FEED__API_SECRET", "shh", 1);
  const auto no_secret =
      artham({"kite", "login", "--key", "more", "--request-token", "again"}, local);
  CHECK(no_secret.code == 2);
  CHECK(no_secret.err.find("ARTHAM_FEED__MORE_SECRETS") != std::string::npos);
  setenv("ARTHAM_FEED__MORE_SECRETS", "hush", 1);
  const auto unknown =
      artham({"kite", "login", "--key", "other", "--request-token", "again"}, local);
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find("key, more") != std::string::npos);
  const auto page = artham({"kite", "login", "--key", "more"}, local);
  CHECK(page.out.find("api_key=more") != std::string::npos);
  // Each with its own request token and secret.
  CHECK(artham({"kite", "login", "--key", "more", "--request-token", "asked"}, local).code != 0);
  REQUIRE(artham({"kite", "login", "--key", "more", "--request-token", "again"}, local).code == 0);
  struct stat kept {};
  REQUIRE(stat((data + "/access_token.more.json").c_str(), &kept) == 0);
  CHECK((kept.st_mode & 0777) == 0600);
  CHECK_FALSE(std::filesystem::exists(data + "/access_token.json"));

  const auto checks = [&] {
    std::map<std::string, std::string> found;
    const auto doctor = artham({"doctor", "--json"}, "wss://ws.kite.trade");
    for (const auto& f : json::parse(doctor.out)) found[f["check"]] = f["detail"];
    return found;
  };
  const auto half = checks();
  CHECK(half.at("Kite login of key").starts_with("no access token in "));
  // The exchange's logins are of a day that is over.
  CHECK(half.at("Kite login of more") == "token_expired");
  CHECK(artham({"kite", "login", "--request-token", "asked"}, local).code == 0);
  unsetenv("ARTHAM_FEED__API_SECRET");
  unsetenv("ARTHAM_FEED__MORE_SECRETS");
  CHECK(checks().at("Kite login of key") == "token_expired");
}

#include <string>
#include <vector>

#include "tests/e2e/in_postgres.hpp"
#include "tests/support/postgres_cluster.hpp"
#include "tests/support/small_disk.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

const std::vector<std::string> timeframes{"5s", "1m"};

std::uint64_t received(const json& s) {
  return s["ticks_received"].get<std::uint64_t>();
}
std::uint64_t stored_ticks(const json& s) {
  return s["metrics"].value("artham_store_rows_total.md:ticks", std::uint64_t{0});
}

/// Fills a database; `hinder` comes in its way until `help`. It is told, nothing is lost.
template <class Hinder, class Help>
void held_up(const database& db, const std::string& why, Hinder&& hinder, Help&& help) {
  const scratch dir;
  const auto data = dir / "data";
  process exchange({artham::test::program(), "exchange", "--synthetic", "20", "--speed", "40",
                    "--every-second", "--date", "2026-11-20"});
  const auto url = exchange.line();
  REQUIRE(url);
  auto options = db.settings();
  for (const auto& s : {"feed.url=" + *url, std::string("bars.timeframes=5s 1m")})
    options.insert(options.end(), {"--set", s});
  {
    node n(data, options);
    REQUIRE_MESSAGE(n.wait_for([](const json& s) { return stored_ticks(s) > 1000; }),
                    n.process().errors());
    hinder();
    std::string told;
    REQUIRE_MESSAGE(n.wait_for([&](const json&) {
      told =
          artham::test::artham({"status", "--url", "http://127.0.0.1:" + std::to_string(n.port())})
              .out;
      const auto at = told.find("store waits for ");
      return at != std::string::npos && told.find(why, at) != std::string::npos &&
             told.find("md:ticks", at) != std::string::npos;
    }),
                    told << n.process().errors());
    CHECK(told.find("journal has room\n") != std::string::npos);
    const auto meanwhile = received(n.get("/v1/status"));
    CHECK(n.wait_for([&](const json& s) { return received(s) > meanwhile + 1000; }));
    CHECK(n.wait_for(store_waits));
    CHECK(n.get("/v1/status")["journal"]["dropped_ticks"] == 0);
    help();
    const auto behind = received(n.get("/v1/status"));
    CHECK_MESSAGE(
        n.wait_for([&](const json& s) { return stored_ticks(s) >= behind && !store_waits(s); }),
        n.process().errors());
    CHECK(n.stop() == 0);
    CHECK(n.process().errors().find("store: all is stored again") != std::string::npos);
  }
  exchange.signal(SIGKILL);
  exchange.wait();
  prove(data, db, timeframes, options);
}

}  // namespace

TEST_CASE("a table that another session locks is waited for") {
  const auto server = postgres_server::plain();
  const database db{&server};
  std::optional<process> other;
  held_up(
      db, "lock timeout",
      [&] {
        other.emplace(std::vector<std::string>{"/usr/lib/postgresql/15/bin/psql", "-AtXq", "-d",
                                               server.url() + "?application_name=other", "-c",
                                               "BEGIN", "-c", "LOCK artham.tick_packs", "-c",
                                               "SELECT 'locked'", "-c", "SELECT pg_sleep(600)"});
        REQUIRE(other->line() == "locked");
      },
      [&] { CHECK(server.terminate_backends("other") == 1); });
}

TEST_CASE("tables without room are waited for, and get everything when there is some") {
  small_disk disk(64);
  if (!disk.mounted()) {
    MESSAGE("not run: mounting is not permitted here");
    return;
  }
  const std::string place = disk / "tables";
  std::filesystem::create_directory(place);
  give_to_server_user(place);
  // The server itself has room, for its log of what is written: only tables lack it.
  const auto server = postgres_server::plain();
  server.sql("CREATE TABLESPACE small LOCATION '" + place + "'", "postgres");
  server.sql("CREATE DATABASE full_one TABLESPACE small", "postgres");
  const database db{&server, "full_one"};
  held_up(
      db, "No space left on device", [&] { disk.fill(0); }, [&] { disk.make_room(0); });
}

TEST_CASE("a server without room is waited for, even if it has to be started again") {
  small_disk disk(96);
  if (!disk.mounted()) {
    MESSAGE("not run: mounting is not permitted here");
    return;
  }
  postgres_server::options o;
  o.under = disk / "";
  auto server = postgres_server::plain(o);
  const database db{&server};
  held_up(
      db, "", [&] { disk.fill(0); },
      [&] {
        disk.make_room(0);
        try {
          server.sql("CREATE TABLE room (v int)");
        } catch (const std::runtime_error&) {
          // It cannot write its log, and has ended.
          server.stop(postgres_server::how::immediate);
          server.start();
        }
      });
}

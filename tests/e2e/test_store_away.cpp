#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/e2e/recorded.hpp"
#include "tests/support/postgres_server.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

std::vector<std::string> stored_in(const postgres_server& db) {
  return {"--set", "store.kind=postgres",       "--set", "store.postgres.url=" + db.url(),
          "--set", "store.postgres.timeout=1s", "--set", "store.postgres.tick_layout=rows",
          "--set", "store.postgres.writers=3"};
}

bool waits(const json& status) {
  return !status["store"]["waiting"].empty();
}

}  // namespace

TEST_CASE(
    "a node starts and journals while its database is away, and stores all when that is there") {
  const scratch dir;
  auto db = postgres_server::plain();
  db.stop();
  auto options = stored_in(db);
  for (const auto* o : {"--recording", recording.c_str(), "--speed", "max", "--set",
                        "bars.timeframes=10s 1m 5m 1D"})
    options.emplace_back(o);
  node n(dir / "data", options);
  REQUIRE(n.wait_for([](const json& s) { return waits(s) && s["ticks_received"] == 185; }));
  const auto store = n.get("/v1/status")["store"];
  INFO(store.dump(1));
  CHECK(store["kind"] == "postgres");
  CHECK(store["place"] == db.url());
  CHECK(store["ticks"] == "table");
  CHECK(std::ranges::any_of(store["waiting"],
                            [](const auto& w) { return w["stream"] == "md:ticks/2"; }));
  const auto told =
      artham::test::artham({"status", "--url", "http://127.0.0.1:" + std::to_string(n.port())});
  CHECK(told.out.find("store postgres (" + db.url() + ")\n") != std::string::npos);
  CHECK(told.out.find("store waits for ") != std::string::npos);
  CHECK(told.out.find("md:bars:final.1m") != std::string::npos);

  db.start();
  REQUIRE_MESSAGE(n.wait_for([](const json& s) {
    return settled(s) && !waits(s) && s["metrics"]["artham_store_rows_total.md:ticks"] == 185;
  }),
                  n.get("/v1/status").dump(1));
  CHECK(n.stop() == 0);
  CHECK(db.sql("SELECT count(*), count(DISTINCT (epoch, seq)) FROM artham.ticks") == "185|185\n");
  CHECK(db.sql("SELECT count(*) FROM artham.positions WHERE consumer = 'tick_store'") == "8\n");
  CHECK(db.sql("SELECT count(*) > 0 FROM artham.bars_1m") == "t\n");
}

TEST_CASE(
    "a database that does not answer is not waited for, stream by stream, when a node stops") {
  const scratch dir;
  auto db = postgres_server::plain();
  db.freeze();
  node n(dir / "data", stored_in(db));
  REQUIRE(n.wait_for(waits));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(n.stop() == 0);
  // There are more than ten streams, and each call takes a second.
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(6));
  db.thaw();
}

TEST_CASE("with exchange and database both away the instruments are those of the journal") {
  const scratch dir;
  auto db = postgres_server::plain();
  process exchange({program(), "exchange", "--synthetic", "20", "--port", "0"});
  const auto url = exchange.line();
  REQUIRE(url);
  auto options = stored_in(db);
  for (const auto& o : {std::string("--set"), "feed.url=" + *url}) options.push_back(o);
  {
    node n(dir / "data", options);
    REQUIRE(n.wait_for([](const json& s) { return s["ticks_received"] >= 20; }));
    CHECK(n.stop() == 0);
  }
  exchange.signal(SIGTERM);
  exchange.wait();
  db.stop();
  node n(dir / "data", options);
  CHECK(n.wait_for(waits));
  CHECK(n.stop() == 0);
  CHECK(n.process().errors().find("going on with the 20 journaled ones") != std::string::npos);
}

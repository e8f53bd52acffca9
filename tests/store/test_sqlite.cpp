#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include <SQLiteCpp/SQLiteCpp.h>

#include "store/sqlite/audit.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/migrations.hpp"
#include "tests/store/store_fixture.hpp"
#include "tests/support/process.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)

TEST_CASE("a migration that was written beside a later one is made up for") {
  const test::scratch dir;
  SQLite::Database db(dir / "x.db", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  using store::migration;
  const migration one{1, "one", "CREATE TABLE one (n INTEGER)"};
  const migration two{2, "two", "CREATE TABLE two (n INTEGER)"};
  const migration three{3, "three", "CREATE TABLE three (n INTEGER)"};
  const auto apply = [&](std::vector<migration> list) { return store::sqlite::migrate(db, list); };
  REQUIRE(apply({one, three}));
  CHECK_FALSE(db.tableExists("two"));
  REQUIRE(apply({one, two, three}));
  CHECK(db.tableExists("two"));
  CHECK(db.execAndGet("SELECT COUNT(*) FROM schema_migrations").getInt() == 3);
  REQUIRE(apply({one, two, three}));
  const auto older = apply({one, three});
  REQUIRE_FALSE(older);
  CHECK(older.error().code == errc::conflict);
  CHECK(older.error().message.find("version 2") != std::string::npos);
}

TEST_CASE("what is no database, or a newer program's, is refused by name") {
  const test::scratch dir;
  std::ofstream(dir / "text.db") << std::string(4096, 'x');
  const auto text = store::sqlite::open(dir / "text.db", {});
  REQUIRE_FALSE(text);
  CHECK(text.error().code == errc::corrupt);
  CHECK(text.error().message.find("text.db") != std::string::npos);
  CHECK_FALSE(store::sqlite::open(dir / "no/such/dir.db", {}));
  CHECK_FALSE(store::sqlite::open_audit(dir / "none.db"));
  { REQUIRE(store::sqlite::open(dir / "new.db", {})); }
  test::run_to_end({"/usr/bin/sqlite3", dir / "new.db",
                    "INSERT INTO schema_migrations (version, name) VALUES (99, 'x')"});
  const auto newer = store::sqlite::open(dir / "new.db", {});
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == errc::conflict);
  CHECK(newer.error().message.find("99") != std::string::npos);
}

TEST_CASE("a store of schema 1 gets the table of quarantines when it is opened") {
  fixture f;
  REQUIRE(f.commit({bar(408065, 0, 10)}, 0, 10));
  f.db.reset();
  f.files->sql(
      "DROP TABLE quarantines; DROP TABLE candles; DROP TABLE option_greeks; DROP "
      "TABLE chain_features; DROP TABLE instrument_features; DROP TABLE api_keys; DROP TABLE "
      "users; DROP TABLE ended_tickets; DROP TABLE access_state; DROP TABLE audit; "
      "DROP TABLE alert_rules; DROP TABLE alert_progress; DROP TABLE alert_positions; DROP TABLE "
      "alerts; DROP TABLE alert_state; ALTER TABLE gaps "
      "DROP COLUMN instrument_tokens; DELETE FROM schema_migrations WHERE version > 1");
  // An audit reads it as it is.
  CHECK((*f.files->audit())->quarantines()->empty());
  CHECK((*f.files->audit())->gaps()->empty());
  f.open();
  CHECK(commit_quarantines(*f.db, {stopped(1, 7, 40)}, 0, 1));
  CHECK(f.db->reading().gaps(0, market::never)->size() == 1);
  CHECK(f.db->reading().bars({408065, one_minute})->size() == 1);
}

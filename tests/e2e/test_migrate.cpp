#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/e2e/recorded.hpp"
#include "tests/support/postgres_server.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)

namespace {

/// A data directory that a node filled, ticks as rows, and a server beside it.
struct world {
  world() { play_recording(data, {"--set", "store.ticks=table"}); }

  finished migrate(const std::string& url, bool ticks = true) const {
    std::vector<std::string> args{"migrate", "--data", data, "--postgres", url};
    if (ticks) args.emplace_back("--ticks");
    return artham::test::artham(std::move(args));
  }
  finished verify(const std::string& url) const {
    return artham::test::artham({"verify", "--data", data, "--postgres", url});
  }
  /// `differences N` with a line that has all of `what`.
  void finds(const std::string& url, int code, const std::vector<std::string>& what) const {
    const auto f = verify(url);
    INFO(f.out << f.err);
    CHECK(f.code == code);
    for (const auto& w : what) CHECK((f.out + f.err).find(w) != std::string::npos);
  }

  scratch dir;
  std::string data = dir / "data";
  postgres_server server = postgres_server::plain();
};

}  // namespace

TEST_CASE_FIXTURE(world, "a store moves into a database, and is found there as it was") {
  const auto url = server.create_database("one");
  const auto moved = migrate(url);
  INFO(moved.out << moved.err);
  CHECK(moved.code == 0);
  const auto f = verify(url);
  INFO(f.out << f.err);
  CHECK(f.code == 0);
  CHECK(f.out.find("differences 0\n") != std::string::npos);
  CHECK(digest_of(f) == digest_of(artham::test::artham({"verify", "--data", data})));
  for (const auto* table : {"bars_10s", "bars_1d", "instruments", "instrument_features"}) {
    const auto count = std::string("SELECT count(*) FROM ");
    CHECK(server.sql(count + "artham." + table, "one") == sql(data, count + table));
  }
  CHECK(server.sql("SELECT sum(ticks) FROM artham.tick_packs", "one") ==
        sql(data, "SELECT COUNT(*) FROM ticks"));
  const std::string ids =
      " instrument_id, instrument_token, bar_start_ts FROM bars_1m ORDER BY 2, 3 LIMIT 1";
  CHECK(server.sql("SET search_path = artham; SELECT instrument_id FROM (SELECT" + ids + ") AS b",
                   "one") == sql(data, "SELECT instrument_id FROM (SELECT" + ids + ")"));
  // Twice is once.
  const auto again = migrate(url);
  CHECK(again.code == 0);
  CHECK(again.out.find("has all of it already") != std::string::npos);
  // What is changed behind the program's back is named.
  server.sql(
      "UPDATE artham.bars_1m SET high = high + 1 WHERE ctid = (SELECT min(ctid) FROM "
      "artham.bars_1m)",
      "one");
  finds(url, 1, {" 1m ", "high: stored", "differences 1\n"});
  const auto differs = migrate(url);
  CHECK(differs.code == 1);
  CHECK(differs.out.find("the database has other rows") != std::string::npos);
}

TEST_CASE_FIXTURE(world,
                  "a migration that broke off goes on, and one into another store is refused") {
  const auto url = server.create_database("two");
  REQUIRE(migrate(url).code == 0);
  // As if it had broken off among the bars, then behind the ticks: the other positions are last.
  const auto resumes = [&](const std::string& undo) {
    server.sql(undo +
                   "; DELETE FROM artham.bars_10s WHERE bar_start_ts > (SELECT "
                   "min(bar_start_ts) FROM artham.bars_10s)",
               "two");
    const auto f = migrate(url);
    INFO(f.out << f.err);
    CHECK(f.code == 0);
    CHECK(f.out.find("copied") != std::string::npos);
  };
  resumes("DELETE FROM artham.positions; DELETE FROM artham.tick_packs");
  resumes("DELETE FROM artham.positions WHERE consumer <> 'tick_store'");
  server.sql("UPDATE artham.positions SET seq = seq - 1 WHERE consumer = 'bar_store'", "two");
  const auto other = migrate(url);
  CHECK(other.code == 2);
  CHECK(other.err.find("is not empty") != std::string::npos);
  CHECK(other.err.find("DROP SCHEMA artham") != std::string::npos);
  server.sql("DELETE FROM artham.positions; UPDATE artham.instruments SET lot_size = 77", "two");
  CHECK(migrate(url).err.find("other instruments") != std::string::npos);
}

TEST_CASE_FIXTURE(world, "verify holds nothing against a database that it says it lacks") {
  const auto url = server.create_database("three");
  REQUIRE(migrate(url).code == 0);
  const auto lacks = [&](const std::string& what) {
    finds(url, 1, {"missing"});
    server.sql(what, "three");
    finds(url, 0, {"note: ", "differences 0\n"});
  };
  // A row that was refused.
  server.sql(
      "CREATE TABLE gone AS SELECT * FROM artham.bars_1m ORDER BY bar_start_ts LIMIT 1; "
      "DELETE FROM artham.bars_1m AS b USING gone AS g WHERE (b.instrument_id, "
      "b.bar_start_ts) = (g.instrument_id, g.bar_start_ts)",
      "three");
  lacks(
      "INSERT INTO artham.dead_letters (stream, epoch, seq, ordinal, instrument_token, reason) "
      "SELECT 'md:bars:final.1m', cause_epoch, cause_seq, cause_ordinal, instrument_token, "
      "'22003: too large' FROM gone");
  // What retention removed.
  server.sql(
      "CREATE TABLE cut AS SELECT max(bar_start_ts) AS at FROM artham.bars_10s; DELETE "
      "FROM artham.bars_10s WHERE bar_start_ts < (SELECT at FROM cut)",
      "three");
  lacks("INSERT INTO artham.removed SELECT 'bars_10s', at FROM cut");
  // A shard of ticks that is behind the others: the smallest that has ticks.
  server.sql(
      "CREATE TABLE late AS SELECT min(instrument_id) AS id FROM artham.tick_packs; DELETE "
      "FROM artham.tick_packs WHERE instrument_id = (SELECT id FROM late)",
      "three");
  const auto token = std::stoul(server.sql(
      "SELECT instrument_token FROM artham.instruments, late WHERE instrument_id = id", "three"));
  const auto shard = static_cast<std::uint32_t>(token * 0x9E3779B97F4A7C15ULL >> 61U);
  finds(url, 1, {"ticks epoch", "missing"});
  server.sql(
      "UPDATE artham.positions SET (epoch, seq) = (0, 0) WHERE consumer = 'tick_store' AND "
      "shard = " +
          std::to_string(shard),
      "three");
  const auto f = verify(url);
  INFO(f.out << f.err);
  CHECK(f.out.find("missing") == std::string::npos);
}

TEST_CASE_FIXTURE(world, "what cannot be moved is told before anything is written") {
  const auto url = server.create_database("four");
  auto with_password = url;
  with_password.insert(with_password.find('@'), ":hush");
  for (const auto* command : {"migrate", "verify"}) {
    const auto f = artham::test::artham({command, "--data", data, "--postgres", with_password});
    CHECK(f.code == 2);
    CHECK(f.err.find("PGPASSWORD") != std::string::npos);
    CHECK(f.err.find("hush") == std::string::npos);
  }
  CHECK(migrate("postgresql://artham@127.0.0.1:1/x").code == 3);
  CHECK(migrate("nonsense").code == 2);
  const auto other = dir / "other";
  const node running(other);
  const auto used = artham::test::artham({"migrate", "--data", other, "--postgres", url});
  CHECK(used.code == 3);
  CHECK(server.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'artham'", "four") == "0\n");
}

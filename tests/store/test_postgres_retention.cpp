#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/store/postgres_store.hpp"
#include "tests/store/store_fixture.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)

TEST_CASE("what is older than it is to be kept goes a piece at a time, and the store says so") {
  fixture f;
  constexpr auto first = 20'000 * market::day;  // 2024-10-04
  std::vector<store::tick_row> ticks;
  std::vector<record::bar_record> bars;
  for (std::uint64_t d = 0; d < 70; ++d) {
    store::tick_row row;
    row.receive = row.wall = first + static_cast<market::duration>(d) * market::day + market::hour;
    row.core.time = row.receive;
    row.core.seq = d + 1;
    row.core.epoch = 1;
    row.core.token = 7;
    ticks.push_back(row);
    bars.push_back(bar(7, row.receive, d + 1));
  }
  REQUIRE(f.commit(bars, 0, 70, ticks));
  CHECK(*f.db->reading().count_ticks() == 70);
  const auto now = first + 69 * market::day + 2 * market::hour;

  const auto nothing = f.db->remove_old({}, now);
  REQUIRE_MESSAGE(nothing, nothing.error().message);
  CHECK(nothing->empty());

  const auto removed = f.db->remove_old({10 * market::day, 30 * market::day, 0}, now);
  REQUIRE_MESSAGE(removed, removed.error().message);
  std::string tables;
  for (const auto& r : *removed) tables += r.table + " ";
  CHECK(tables == "tick_packs bars_1m ");
  const auto records = f.files->records();
  for (const auto& r : *removed) CHECK(records->kept_since(r.table) == r.before);
  CHECK(records->kept_since("chain_features") == 0);
  // 59 days are older than ten, of which the last has younger hours; chunks of bars are months.
  CHECK(*f.db->reading().count_ticks() == 11);
  const auto left = f.db->reading().bars({7, one_minute});
  REQUIRE(left);
  CHECK(left->front().bar.start >= removed->back().before);
  CHECK(left->front().bar.start <= now - 30 * market::day);
  CHECK(left->back().bar.start == bars.back().bar.start);

  const auto audit = f.files->audit();
  REQUIRE(audit);
  CHECK((*audit)->kept_since("tick_packs") == removed->front().before);
  CHECK((*audit)->kept_since("bars_1m") == removed->back().before);
  CHECK((*audit)->kept_since("chain_features") == 0);

  CHECK(f.db->remove_old({10 * market::day, 30 * market::day, 0}, now)->empty());
  // What is written later makes its pieces anew.
  auto late = ticks.front();
  late.core.seq = 71;
  REQUIRE(f.commit({}, 70, 71, {late}));
  CHECK(*f.db->reading().count_ticks() == 12);
}

TEST_CASE("a table that a reader holds keeps its rows until the next time") {
  const postgres_store files;
  auto db = store::postgres::open(files.server(), {true, {one_minute}}, {});
  REQUIRE(db);
  const auto old = bar(7, 20'000 * market::day, 1);
  REQUIRE((*db)->writing().put_bars(one_minute, {&old, 1}));
  const auto now = 30'000 * market::day;
  std::string answer;
  {
    // A transaction that has read the table holds it until it ends.
    auto reading = (*db)->reading().bars({7, one_minute});
    REQUIRE(reading);
    auto audit = store::postgres::open_audit(files.server());
    REQUIRE(audit);
    REQUIRE((*audit)->for_each_bar(one_minute, [](const store::audited_bar&) {}));
    const auto held = (*db)->remove_old({0, market::day, 0}, now);
    REQUIRE_MESSAGE(held, held.error().message);
    CHECK(held->empty());
  }
  const auto removed = (*db)->remove_old({0, market::day, 0}, now);
  REQUIRE(removed);
  CHECK(removed->size() == 1);
}

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/store/store_fixture.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)

TEST_CASE("rows and position commit together, and a commit at another position is refused whole") {
  fixture f;
  REQUIRE(f.commit({bar(408065, 60 * market::second, 10)}, 0, 10));
  const auto again = f.commit({bar(408065, 120 * market::second, 11)}, 0, 11);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::conflict);
  f.open();
  CHECK((*f.db->writing().position("c", "s", 0))->at == record::position{1, 10});
  const auto bars = f.db->reading().bars({408065, one_minute, 0, market::never, 10, false, false});
  REQUIRE(bars);
  REQUIRE(bars->size() == 1);
  CHECK(bars->front() == bar(408065, 60 * market::second, 10));
}

TEST_CASE("the last revision is served, the earlier ones stay readable") {
  fixture f;
  REQUIRE(f.commit({bar(1, 0, 1), bar(1, 0, 7, 1), bar(1, 60 * market::second, 8)}, 0, 3));
  const auto last = f.db->reading().bars({1, one_minute, 0, market::never, 10, false, false});
  REQUIRE(last->size() == 2);
  CHECK(last->front().bar.revision == 1);
  CHECK(f.db->reading().bars({1, one_minute, 0, market::never, 10, false, true})->size() == 3);
  const auto newest = f.db->reading().bars({1, one_minute, 0, market::never, 1, true, false});
  REQUIRE(newest->size() == 1);
  CHECK(newest->front().bar.start == 60 * market::second);
}

TEST_CASE("bars are read as they were known up to a record") {
  fixture f;
  REQUIRE(f.commit({bar(1, 0, 3), bar(1, 60 * market::second, 8), bar(1, 0, 11, 1)}, 0, 3));
  const auto known = [&](record::position as_of, bool all = false) {
    store::bar_query q{1, one_minute};
    q.as_of = as_of;
    q.all_revisions = all;
    std::string text;
    const auto found = f.db->reading().bars(q);
    REQUIRE(found);
    for (const auto& r : *found)
      text += std::to_string(r.cause.at.seq) + "r" + std::to_string(r.bar.revision) + " ";
    return text;
  };
  CHECK(known({1, 2}).empty());
  CHECK(known({1, 3}) == "3r0 ");
  CHECK(known({1, 10}) == "3r0 8r0 ");
  CHECK(known({1, 11}) == "11r1 8r0 ");
  CHECK(known({2, 1}) == "11r1 8r0 ");
  CHECK(known({1, 10}, true) == "3r0 8r0 ");
  CHECK(known({1, 11}, true) == "3r0 11r1 8r0 ");
}

TEST_CASE("a bar that was withdrawn is served no more, but as it was known then") {
  fixture f;
  auto withdrawn = bar(1, 60 * market::second, 7, 1);
  withdrawn.bar.ticks = 0;
  REQUIRE(f.commit({bar(1, 0, 3), bar(1, 60 * market::second, 4), withdrawn}, 0, 3));
  store::bar_query q{1, one_minute};
  const auto starts = [&] {
    std::vector<market::timestamp> all;
    const auto found = f.db->reading().bars(q);
    REQUIRE(found);
    for (const auto& r : *found) all.push_back(r.bar.start / market::second);
    return all;
  };
  CHECK(starts() == std::vector<market::timestamp>{0});
  q.limit = 1;
  q.newest_first = true;
  CHECK(starts() == std::vector<market::timestamp>{0});
  q.as_of = {1, 6};
  CHECK(starts() == std::vector<market::timestamp>{60});
  q.as_of = {1, 7};
  q.all_revisions = true;
  q.limit = 10;
  CHECK(starts() == std::vector<market::timestamp>{0, 60, 60});
  // It came back.
  REQUIRE(f.commit({bar(1, 60 * market::second, 9, 2)}, 3, 4));
  q = {1, one_minute};
  CHECK(starts() == std::vector<market::timestamp>{0, 60});
}

TEST_CASE("every kind of bar has a table, whose name tells its timeframe") {
  const auto files = test::make_store();
  const auto timeframes = *market::parse_timeframes("1m 1D 100t 50000v 1000000n 2.5r 25r");
  {
    const auto opened = files->open({false, timeframes});
    REQUIRE(opened);
    record::position at;
    for (const auto tf : timeframes) {
      auto one = bar(1, market::second * static_cast<std::int64_t>(at.seq + 1), at.seq + 1);
      store::batch b;
      b.timeframe = tf;
      b.bars = {&one, 1};
      const store::stored_position before{"c", "s", 0, at, 0};
      at = {1, at.seq + 1};
      const store::stored_position after{"c", "s", 0, at, 0};
      b.expected = {&before, 1};
      b.positions = {&after, 1};
      REQUIRE((*opened)->writing().commit(b));
    }
    for (std::size_t i = 0; i < timeframes.size(); ++i) {
      const auto found = (*opened)->reading().bars({1, timeframes[i]});
      REQUIRE_MESSAGE(found, found.error().message);
      REQUIRE(found->size() == 1);
      CHECK(found->front().cause.at.seq == i + 1);
    }
  }
  const auto audit = files->audit();
  REQUIRE(audit);
  CHECK((*audit)->timeframes() == timeframes);
}

TEST_CASE("a tick is a row with its packet; a store without a tick table refuses it") {
  store::tick_row row;
  row.core.seq = 3;
  row.core.epoch = 1;
  row.core.token = 408065;
  row.packet = "12345678";
  fixture with;
  REQUIRE(with.commit({}, 0, 3, {row}));
  CHECK(*with.db->reading().count_ticks() == 1);
  fixture without(false);
  CHECK(without.commit({}, 0, 3, {row}).error().code == errc::usage);
  CHECK_FALSE(*without.db->writing().position("c", "s", 0));
}

TEST_CASE("gaps are found by time") {
  fixture f;
  market::mark m;
  m.kind = market::mark_kind::gap;
  m.position = {1, 4};
  m.from = 10 * market::second;
  m.time = 20 * market::second;
  m.cause = market::gap_cause::stalled;
  m.subject = "silent";
  REQUIRE(f.commit({}, 0, 4, {}, {m}));
  const auto found = f.db->reading().gaps(15 * market::second, 16 * market::second);
  REQUIRE(found->size() == 1);
  CHECK(found->front().detail == "silent");
  CHECK(found->front().cause == market::gap_cause::stalled);
  CHECK(f.db->reading().gaps(21 * market::second, 30 * market::second)->empty());
}

TEST_CASE("the instrument archive knows what was in force when") {
  fixture f;
  auto& w = f.db->writing();
  const market::instrument first[] = {infy()};
  REQUIRE(w.put_instruments(first, {20000}));
  REQUIRE(w.put_instruments(first, {20001}));
  auto& r = f.db->reading();
  REQUIRE((*r.find("NSE:INFY")));
  CHECK((*r.find("NSE:INFY"))->valid_from.days == 20000);
  // A new token: a new version of the same instrument.
  const market::instrument second[] = {infy(999)};
  REQUIRE(w.put_instruments(second, {20005}));
  const auto now = *r.find("NSE:INFY");
  CHECK(now->instrument.token == 999);
  CHECK(now->id == (*r.find("408065"))->id);
  CHECK((*r.find("408065"))->valid_to->days == 20005);
  // Vanished from the dump: known, but not in force.
  market::instrument other = infy(5);
  other.symbol = "TCS";
  const market::instrument third[] = {other};
  REQUIRE(w.put_instruments(third, {20006}));
  CHECK(r.instruments()->size() == 1);
  CHECK((*r.find("NSE:INFY"))->valid_to->days == 20006);
  CHECK_FALSE(*r.find("NSE:NOSUCH"));
  CHECK_FALSE(*r.find("nonsense"));
}

TEST_CASE("the exchange's candles are kept beside our bars, the newest of each") {
  fixture f;
  REQUIRE(f.commit({bar(408065, 60 * market::second, 10)}, 0, 10));
  const auto candle = [](market::timestamp start, std::int64_t high) {
    auto b = bar(408065, start, 0).bar;
    b.high = {high * market::price_scale};
    return b;
  };
  auto with_oi = candle(120 * market::second, 102);
  with_oi.fields |= market::bar::oi_known;
  with_oi.oi = 0;
  const auto put = [&](std::vector<market::bar> candles, market::timeframe tf = one_minute) {
    const auto n = f.db->writing().put_candles("kite", tf, candles);
    REQUIRE_MESSAGE(n, n.error().message);
    return std::pair(n->added, n->changed);
  };
  using counts = std::pair<std::size_t, std::size_t>;
  CHECK(put({candle(60 * market::second, 101), with_oi}) == counts{2, 0});
  CHECK(put({candle(60 * market::second, 101), with_oi}) == counts{0, 0});
  CHECK(put({candle(60 * market::second, 105), with_oi, candle(180 * market::second, 1)}) ==
        counts{1, 1});
  CHECK(put({candle(60 * market::second, 1)}, *market::parse_timeframe("5m")) == counts{1, 0});
  f.open();
  store::bar_query q{408065, one_minute};
  auto found = *f.db->reading().candles("kite", q);
  REQUIRE(found.size() == 3);
  CHECK(found[0].high.units == 105 * market::price_scale);
  CHECK(found[0].flags == static_cast<std::uint16_t>(market::bar_flag::backfilled));
  CHECK(found[0].ticks == 0);
  CHECK((found[0].fields & market::bar::oi_known) == 0);
  CHECK((found[1].fields & market::bar::oi_known) != 0);
  q.newest_first = true;
  q.limit = 1;
  CHECK(f.db->reading().candles("kite", q)->front().start == 180 * market::second);
  q.to = 180 * market::second;
  CHECK(f.db->reading().candles("kite", q)->front().start == 120 * market::second);
  CHECK(f.db->reading().candles("nse", q)->empty());
  q.token = 7;
  CHECK(f.db->reading().candles("kite", q)->empty());
  // Ours stay what they were.
  CHECK(f.db->reading().bars({408065, one_minute})->front() ==
        bar(408065, 60 * market::second, 10));
  const auto audit = f.files->audit();
  REQUIRE(audit);
  CHECK((*audit)->timeframes()->size() == 1);
}

TEST_CASE("an audit sees every row as it stands, also one that belongs to no instrument") {
  fixture f;
  const std::vector<record::bar_record> bars{bar(7, 60 * market::second, 2), bar(408065, 0, 1),
                                             bar(408065, 0, 7, 1)};
  store::tick_row tick;
  tick.core.seq = 3;
  tick.core.epoch = 1;
  tick.core.token = 408065;
  tick.packet = "12345678";
  REQUIRE(f.commit(bars, 0, 9, {tick}));
  const auto audit = f.files->audit();
  REQUIRE(audit);
  // What comes later is not seen.
  REQUIRE(f.commit({bar(8, 0, 11)}, 9, 11));
  CHECK((*audit)->timeframes() == std::vector{one_minute});
  CHECK((*audit)->positions()->front().at == record::position{1, 9});
  std::vector<store::audited_bar> rows;
  REQUIRE((*audit)->for_each_bar(one_minute, [&](const auto& row) { rows.push_back(row); }));
  REQUIRE(rows.size() == bars.size());
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const auto expected = store::as_row(bars[i]);
    CHECK(rows[i].token == expected.token);
    CHECK(rows[i].start == expected.start);
    CHECK(rows[i].values == expected.values);
  }
  std::size_t ticks = 0;
  REQUIRE((*audit)->for_each_tick([&](const store::tick_row& row) {
    ++ticks;
    CHECK(row.core.token == 408065);
    CHECK(row.packet == "12345678");
  }));
  CHECK(ticks == 1);
  CHECK((*audit)->for_each_bar(*market::parse_timeframe("5m"),
                               [](const auto&) { FAIL("no table"); }));

  const auto id = (*f.db->reading().find("7"))->id;
  f.files->sql("DELETE FROM instruments WHERE instrument_token = 7");
  const auto later = f.files->audit();
  rows.clear();
  REQUIRE((*later)->for_each_bar(one_minute, [&](const auto& row) { rows.push_back(row); }));
  CHECK(rows.front().values.back() == id);
}

TEST_CASE("a loss has the instruments that it concerns, none when it concerns all") {
  fixture f;
  market::mark m;
  m.kind = market::mark_kind::gap;
  m.position = {1, 4};
  m.from = 10 * market::second;
  m.time = 20 * market::second;
  m.cause = market::gap_cause::disconnected;
  auto some = m;
  some.position.seq = 5;
  some.tokens = {7, 408'065, 4'294'967'295};
  REQUIRE(f.commit({}, 0, 5, {}, {m, some}));
  const auto found = f.db->reading().gaps(0, market::never);
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK((*found)[0].tokens.empty());
  CHECK((*found)[0].concerns(8));
  CHECK((*found)[1].tokens == some.tokens);
  CHECK((*found)[1].concerns(408'065));
  CHECK_FALSE((*found)[1].concerns(8));
  const auto audit = f.files->audit();
  REQUIRE(audit);
  const auto audited = (*audit)->gaps();
  REQUIRE(audited);
  REQUIRE(audited->size() == 2);
  CHECK((*audited)[0].tokens.empty());
  CHECK((*audited)[1].tokens == some.tokens);
}

TEST_CASE("quarantines are rows; a stopped builder is a gap of its instrument until it is freed") {
  fixture f;
  auto record = stopped(1, 7, 40);
  record.letter.what = record::letter_kind::record;
  auto freed = stopped(4, 8, 50);
  freed.letter.what = record::letter_kind::lifted;
  freed.letter.cause = {{2, 90}, 1};
  const std::vector all{record, stopped(2, 7, 50), stopped(3, 8, 50), freed};
  REQUIRE(commit_quarantines(*f.db, {all.begin(), all.begin() + 3}, 0, 3));
  auto& r = f.db->reading();
  CHECK(r.gaps(0, market::never)->size() == 2);
  REQUIRE(commit_quarantines(*f.db, {freed}, 3, 4));
  const auto gaps = r.gaps(15 * market::second, market::never);
  REQUIRE(gaps->size() == 1);
  CHECK(gaps->front().token == 7);
  CHECK(gaps->front().from == 10 * market::second);
  CHECK(gaps->front().to == market::never);
  CHECK(gaps->front().detail == "dies");
  CHECK(r.gaps(0, 10 * market::second)->empty());
  const auto audit = f.files->audit();
  CHECK((*audit)->quarantines() == all);
}

TEST_CASE("rows of a repair need no position and are stored once") {
  fixture f;
  REQUIRE(f.commit({bar(408065, 0, 10)}, 0, 10));
  auto repaired = bar(408065, 60 * market::second, 12);
  repaired.cause.ordinal = 1U << 31U;
  const std::vector rows{repaired, bar(408065, 0, 99)};
  REQUIRE(f.db->writing().put_bars(one_minute, rows));
  REQUIRE(f.db->writing().put_bars(one_minute, rows));
  const auto found = f.db->reading().bars({408065, one_minute});
  REQUIRE(found->size() == 2);
  CHECK(found->front() == bar(408065, 0, 10));
  CHECK(found->back() == repaired);
  CHECK((*f.db->writing().position("c", "s", 0))->at == record::position{1, 10});
}

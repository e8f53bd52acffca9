#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/store/store_fixture.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)

namespace {

constexpr market::timestamp in_2026 = 1'767'571'200 * market::second;

std::vector<market::timestamp> starts(store::reader& from, const store::bar_query& q) {
  const auto found = from.bars(q);
  REQUIRE_MESSAGE(found, found.error().message);
  std::vector<market::timestamp> all;
  for (const auto& r : *found) all.push_back(r.bar.start);
  return all;
}

/// A tick as the tick store writes it: a packet begins with the token.
struct made_tick {
  made_tick(std::uint64_t seq, std::uint32_t token, market::timestamp receive, bool quote = true) {
    row.core.seq = seq;
    row.core.epoch = 1;
    row.core.token = token;
    row.core.mode = quote ? market::tick_mode::quote : market::tick_mode::ltp;
    row.core.time = receive - 7;
    row.core.last = {static_cast<std::int64_t>(seq) * 1'000'000'001};
    row.receive = receive;
    row.wall = receive + 3;
    for (int shift = 24; shift >= 0; shift -= 8)
      packet.push_back(static_cast<char>(token >> shift));
    packet += std::string(quote ? 40 : 4, static_cast<char>(seq));
    if (!quote) return;
    using field = market::bar_input::field;
    row.core.fields = field::volume | (seq % 3 == 0 ? field::open_interest : 0);
    row.core.volume_or_size = seq % 2 == 0 ? 0 : static_cast<std::int64_t>(seq);
    if (seq % 3 == 0) row.core.oi = 5;
  }
  store::tick_row row;
  std::string packet;
};

std::vector<store::tick_row> rows_of(const std::vector<made_tick>& ticks) {
  std::vector<store::tick_row> rows;
  for (const auto& t : ticks) {
    rows.push_back(t.row);
    rows.back().packet = t.packet;
  }
  return rows;
}

void check_ticks(store::audit& audit, const std::vector<made_tick>& expected) {
  std::size_t n = 0;
  const auto done = audit.for_each_tick([&](const store::tick_row& row) {
    REQUIRE(n < expected.size());
    const auto& e = expected[n++];
    CHECK(row.core.seq == e.row.core.seq);
    CHECK(row.core.epoch == e.row.core.epoch);
    CHECK(row.core.token == e.row.core.token);
    CHECK(row.core.mode == e.row.core.mode);
    CHECK(row.core.fields == e.row.core.fields);
    CHECK(row.core.time == e.row.core.time);
    CHECK(row.core.last == e.row.core.last);
    CHECK(row.core.volume_or_size == e.row.core.volume_or_size);
    CHECK(row.core.oi == e.row.core.oi);
    CHECK(row.receive == e.row.receive);
    CHECK(row.wall == e.row.wall);
    CHECK(row.packet == e.packet);
  });
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(n == expected.size());
}

market::instrument named(const std::string& symbol, std::uint32_t token, std::int32_t expiry = 0) {
  auto i = infy(token);
  i.symbol = symbol;
  i.expiry = {expiry};
  return i;
}

}  // namespace

TEST_CASE("a row of an audit is the bar that was stored") {
  auto b = bar(7, in_2026, 3, 2);
  b.bar.fields = market::bar::volume_known | market::bar::vwap_known;
  b.bar.vwap = {17};
  b.cause.ordinal = 1U << 31U;
  CHECK(store::as_record(store::as_row(b)) == b);
}

TEST_CASE("an instrument is found by what its key meant on a day") {
  fixture f;
  auto& w = f.db->writing();
  auto& r = f.db->reading();
  const std::vector first{named("OLD", 7, 20'010), named("STAYS", 8)};
  const std::vector second{named("NEW", 7, 20'500), named("STAYS", 9)};
  REQUIRE(w.put_instruments(first, {20'000}));
  REQUIRE(w.put_instruments(second, {20'100}));
  const auto meant = [&](const char* key, std::optional<market::date> on) {
    const auto found = r.find(key, on);
    REQUIRE_MESSAGE(found, found.error().message);
    return *found ? (*found)->instrument.symbol + " " + std::to_string((*found)->instrument.token)
                  : std::string("nothing");
  };
  CHECK(meant("7", std::nullopt) == "NEW 7");
  CHECK(meant("7", market::date{20'000}) == "OLD 7");
  CHECK(meant("7", market::date{20'099}) == "OLD 7");
  CHECK(meant("7", market::date{20'100}) == "NEW 7");
  CHECK(meant("7", market::date{19'999}) == "nothing");
  CHECK(meant("NSE:STAYS", market::date{20'099}) == "STAYS 8");
  CHECK(meant("NSE:STAYS", market::date{20'100}) == "STAYS 9");
  CHECK(meant("NSE:STAYS", std::nullopt) == "STAYS 9");
  // An expired contract is known by its name, and on a day when it was there.
  CHECK(meant("NSE:OLD", std::nullopt) == "OLD 7");
  CHECK(meant("NSE:OLD", market::date{20'050}) == "OLD 7");
  CHECK(meant("NSE:OLD", market::date{20'100}) == "nothing");
  CHECK(meant("NSE:\xff", std::nullopt) == "nothing");
}

TEST_CASE("a token that went to another instrument has the bars of both, in order of time") {
  fixture f;
  auto& w = f.db->writing();
  const std::vector first{named("OLD", 7, 20'470)};
  const std::vector second{named("NEW", 7, 20'500)};
  REQUIRE(w.put_instruments(first, {20'450}));
  REQUIRE(w.put_instruments(second, {20'459}));
  const auto day = market::date{20'458}.days * market::day;
  std::vector<record::bar_record> bars;
  std::vector<market::timestamp> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back(day + i * 12 * market::hour);
    bars.push_back(bar(7, all.back(), static_cast<std::uint64_t>(i + 1)));
  }
  REQUIRE(f.commit(bars, 0, 4));
  CHECK((*f.db->reading().find("7", market::date{20'458}))->id !=
        (*f.db->reading().find("7", market::date{20'459}))->id);
  store::bar_query q{7, one_minute};
  CHECK(starts(f.db->reading(), q) == all);
  q.limit = 3;
  CHECK(starts(f.db->reading(), q) == std::vector(all.begin(), all.begin() + 3));
  q.newest_first = true;
  CHECK(starts(f.db->reading(), q) == std::vector(all.begin() + 1, all.end()));
}

TEST_CASE("pages that go on where the last one ended have every revision once, both ways") {
  fixture f;
  auto& w = f.db->writing();
  const std::vector first{named("OLD", 7, 20'470)};
  const std::vector second{named("NEW", 7, 20'500)};
  REQUIRE(w.put_instruments(first, {20'450}));
  REQUIRE(w.put_instruments(second, {20'459}));
  // Two instruments of one token; bars a nanosecond apart; up to five revisions, one withdrawn.
  std::vector<record::bar_record> all;
  for (const auto day : {20'458, 20'459}) {
    for (const int at : {0, 1, 2, 1000, 1001}) {
      for (std::uint32_t revision = 0; revision < static_cast<std::uint32_t>(at % 3 * 2 + 1);
           ++revision) {
        all.push_back(bar(7, market::date{day}.days * market::day + at, all.size() + 1, revision));
        if (revision == 3) all.back().bar.ticks = 0;
      }
    }
  }
  REQUIRE(f.commit(all, 0, 1));
  for (const bool newest_first : {false, true}) {
    for (std::size_t limit = 1; limit <= all.size(); ++limit) {
      store::bar_query q{7, one_minute};
      q.all_revisions = true;
      q.newest_first = newest_first;
      q.limit = limit;
      std::vector<record::bar_record> paged;
      for (;;) {
        const auto page = f.db->reading().bars(q);
        REQUIRE(page);
        if (page->empty()) break;
        REQUIRE(page->size() <= limit);
        paged.insert(newest_first ? paged.begin() : paged.end(), page->begin(), page->end());
        REQUIRE(paged.size() <= all.size());
        const auto& end = (newest_first ? page->front() : page->back()).bar;
        q.past = {end.start, end.revision};
      }
      CHECK((paged == all));
    }
  }
}

TEST_CASE("bars may begin and end at any nanosecond, and are cut there") {
  fixture f;
  std::vector<record::bar_record> bars;
  std::vector<market::timestamp> all;
  for (const int at : {-1, 0, 1, 999, 1000, 1001, 2000}) {
    all.push_back(in_2026 + at);
    bars.push_back(bar(7, all.back(), static_cast<std::uint64_t>(at + 2)));
    bars.back().bar.end = in_2026 + 3 * at + 10;
  }
  bars.back().bar.end = market::never;
  bars.push_back(bar(7, in_2026 + 1, 9000, 1));
  REQUIRE(f.commit(bars, 0, 1));
  store::bar_query q{7, one_minute};
  CHECK(starts(f.db->reading(), q) == all);
  const auto last = f.db->reading().bars(q)->back();
  CHECK(last.bar.end == market::never);
  for (std::size_t from = 0; from < all.size(); ++from) {
    for (std::size_t to = from; to < all.size(); ++to) {
      q.from = all[from];
      q.to = all[to];
      CHECK(starts(f.db->reading(), q) == std::vector(all.begin() + static_cast<long>(from),
                                                      all.begin() + static_cast<long>(to)));
      q.from = all[from] + 1;
      q.to = all[to] + 1;
      CHECK(starts(f.db->reading(), q) == std::vector(all.begin() + static_cast<long>(from) + 1,
                                                      all.begin() + static_cast<long>(to) + 1));
    }
  }
  q = {7, one_minute};
  q.limit = 2;
  q.newest_first = true;
  CHECK(starts(f.db->reading(), q) == std::vector(all.end() - 2, all.end()));
  const auto audit = f.files->audit();
  REQUIRE(audit);
  std::vector<record::bar_record> audited;
  REQUIRE((*audit)->for_each_bar(
      one_minute, [&](const auto& row) { audited.push_back(store::as_record(row)); }));
  std::ranges::stable_sort(bars, {}, [](const auto& r) { return r.bar.start; });
  CHECK(audited == bars);
}

TEST_CASE("all columns of a bar come back, and what is not known stays unknown") {
  fixture f;
  auto b = bar(7, in_2026, 3);
  b.bar.fields = market::bar::oi_known | market::bar::oi_change_known | market::bar::vwap_known;
  b.bar.volume = 0;
  b.bar.oi = 0;
  b.bar.oi_change = -4;
  b.bar.vwap = {-1};
  b.bar.high = {INT64_MAX};
  b.bar.low = {INT64_MIN};
  b.bar.ticks = UINT32_MAX;
  b.bar.flags = UINT16_MAX;
  b.cause = {{UINT32_MAX, 1ULL << 62U}, UINT32_MAX};
  REQUIRE(f.commit({b}, 0, 1));
  const auto found = f.db->reading().bars({7, one_minute});
  REQUIRE(found->size() == 1);
  CHECK(found->front() == b);
}

TEST_CASE("bars with many revisions, withdrawn ones and those of another token hide no others") {
  fixture f;
  const std::vector first{named("A", 7)};
  const std::vector second{named("A", 8)};
  REQUIRE(f.db->writing().put_instruments(first, {20'000}));
  REQUIRE(f.db->writing().put_instruments(second, {20'458}));
  const auto at = [](int n) {
    return market::timestamp{20'457} * market::day + n * market::minute;
  };
  std::vector<record::bar_record> bars;
  std::uint64_t cause = 0;
  const auto add = [&](int n, std::uint32_t revisions, bool withdrawn, std::uint32_t token) {
    for (std::uint32_t r = 0; r < revisions; ++r) bars.push_back(bar(token, at(n), ++cause, r));
    if (withdrawn) bars.back().bar.ticks = 0;
  };
  std::vector<market::timestamp> expected;
  for (int n = 0; n < 200; ++n) {
    const bool withdrawn = n % 10 == 9;
    const std::uint32_t token = n >= 100 && n < 160 ? 8 : 7;
    add(n, n == 50 ? 300 : n % 3 == 0 ? 40 : 1, withdrawn, token);
    if (!withdrawn && token == 7) expected.push_back(at(n));
  }
  REQUIRE(f.commit(bars, 0, 1));
  for (const std::size_t limit : {1U, 2U, 7U, 60U, 130U, 1000U}) {
    store::bar_query q{7, one_minute};
    q.limit = limit;
    const auto n = static_cast<long>(std::min(limit, expected.size()));
    CHECK(starts(f.db->reading(), q) == std::vector(expected.begin(), expected.begin() + n));
    q.newest_first = true;
    CHECK(starts(f.db->reading(), q) == std::vector(expected.end() - n, expected.end()));
    q.from = at(50);
    q.to = at(51);
    const auto one = f.db->reading().bars(q);
    REQUIRE(one->size() == 1);
    CHECK(one->front().bar.revision == 299);
    q.as_of = {1, one->front().cause.at.seq - 100};
    CHECK(f.db->reading().bars(q)->front().bar.revision == 199);
    q.all_revisions = true;
    const auto all = f.db->reading().bars(q);
    CHECK(all->size() == std::min<std::size_t>(limit, 200));
    CHECK(all->back().bar.revision == 199);
    q.newest_first = false;
    CHECK(f.db->reading().bars(q)->front().bar.revision == 0);
  }
}

TEST_CASE("a timeframe that is not stored is told apart from one without bars") {
  fixture f;
  CHECK(f.db->reading().bars({7, one_minute})->empty());
  const auto none = f.db->reading().bars({7, *market::parse_timeframe("3m")});
  REQUIRE_FALSE(none);
  CHECK(none.error().code == errc::not_found);
  CHECK(none.error().message.find("3m") != std::string::npos);
}

TEST_CASE("ticks come back as they were, in the order of the journal") {
  fixture f;
  std::vector<made_tick> ticks;
  // Several instruments in turns, over minutes and commits, in several modes.
  for (std::uint64_t seq = 1; seq <= 400; ++seq) {
    const auto token = static_cast<std::uint32_t>(100 + seq * seq % 23);
    ticks.emplace_back(seq, token, in_2026 + static_cast<market::timestamp>(seq) * 1'700'000'123,
                       seq % 5 != 0);
  }
  const auto rows = rows_of(ticks);
  REQUIRE(f.commit({}, 0, 150, {rows.begin(), rows.begin() + 150}));
  REQUIRE(f.commit({}, 150, 400, {rows.begin() + 150, rows.end()}));
  const auto audit = f.files->audit();
  REQUIRE(audit);
  check_ticks(**audit, ticks);
  CHECK(*f.db->reading().count_ticks() == 400);
}

TEST_CASE("ticks without a packet are those of the instrument's token of the day") {
  fixture f;
  auto& w = f.db->writing();
  const std::vector first{named("A", 7)};
  const std::vector second{named("A", 8)};
  const std::int32_t day = 20'458;
  REQUIRE(w.put_instruments(first, {day}));
  REQUIRE(w.put_instruments(second, {day + 1}));
  std::vector<made_tick> ticks{{1, 7, day * market::day}, {2, 8, (day + 1) * market::day}};
  for (auto& t : ticks) t.packet.clear();
  REQUIRE(f.commit({}, 0, 2, rows_of(ticks)));
  const auto audit = f.files->audit();
  REQUIRE(audit);
  check_ticks(**audit, ticks);
}

TEST_CASE("an audit of more than fits into memory at once comes in pieces") {
  fixture f;
  std::vector<record::bar_record> bars;
  for (std::uint64_t i = 0; i < 9'001; ++i) {
    bars.push_back(bar(static_cast<std::uint32_t>(1 + i % 3),
                       static_cast<market::timestamp>(i) * market::minute, i + 1));
  }
  REQUIRE(f.commit(bars, 0, 1));
  const auto audit = f.files->audit();
  REQUIRE(audit);
  std::vector<record::bar_record> audited;
  REQUIRE((*audit)->for_each_bar(
      one_minute, [&](const auto& row) { audited.push_back(store::as_record(row)); }));
  std::ranges::stable_sort(bars, {}, [](const auto& r) { return r.bar.token; });
  CHECK((audited == bars));
}

TEST_CASE("an audit lists instruments, gaps and candles") {
  fixture f;
  auto& w = f.db->writing();
  const std::vector first{named("A", 7)};
  const std::vector second{named("A", 8, 0), named("B", 9, 20'900)};
  REQUIRE(w.put_instruments(first, {20'000}));
  REQUIRE(w.put_instruments(second, {20'100}));
  market::mark m;
  m.kind = market::mark_kind::gap;
  m.position = {1, 4};
  m.from = in_2026 + 123;
  m.time = in_2026 + 456'789;
  m.cause = market::gap_cause::stalled;
  m.subject = "silent";
  REQUIRE(f.commit({}, 0, 4, {}, {m}));
  auto candle = bar(7, in_2026, 0).bar;
  candle.ticks = candle.revision = 0;
  candle.first = candle.last = {};
  candle.flags = static_cast<std::uint16_t>(market::bar_flag::backfilled);
  candle.fields |= market::bar::oi_known;
  candle.oi = 3;
  REQUIRE(w.put_candles("kite", one_minute, std::vector{candle}));
  const auto audit = f.files->audit();
  REQUIRE(audit);
  const auto instruments = (*audit)->instruments();
  REQUIRE(instruments);
  REQUIRE(instruments->size() == 3);
  CHECK((*instruments)[0].instrument == first[0]);
  CHECK((*instruments)[0].valid_from == market::date{20'000});
  CHECK((*instruments)[0].valid_to == market::date{20'100});
  CHECK((*instruments)[1].id == (*instruments)[0].id);
  CHECK((*instruments)[1].instrument == second[0]);
  CHECK_FALSE((*instruments)[1].valid_to);
  CHECK((*instruments)[2].instrument == second[1]);
  const auto gaps = (*audit)->gaps();
  REQUIRE(gaps);
  REQUIRE(gaps->size() == 1);
  CHECK(gaps->front().from == m.from);
  CHECK(gaps->front().to == m.time);
  CHECK(gaps->front().detail == "silent");
  CHECK(gaps->front().at == record::position{1, 4});
  CHECK(f.db->reading().gaps(m.time, market::never)->size() == 1);
  CHECK(f.db->reading().gaps(m.time + 1, market::never)->empty());
  CHECK(f.db->reading().gaps(0, m.from)->empty());
  CHECK(f.db->reading().gaps(0, m.from + 1)->size() == 1);
  std::vector<store::audited_candle> candles;
  REQUIRE((*audit)->for_each_candle([&](const auto& c) { candles.push_back(c); }));
  REQUIRE(candles.size() == 1);
  CHECK(candles[0].source == "kite");
  CHECK(candles[0].timeframe == one_minute);
  CHECK(candles[0].bar == candle);
  CHECK((*audit)->refused()->empty());
  CHECK(*(*audit)->kept_since("bars_1m") == 0);
}

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "tests/store/store_fixture.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using test::bar;
using test::fixture;
using test::one_minute;

namespace {

constexpr std::uint32_t infy = 408065;
constexpr std::uint32_t reliance = 738561;
constexpr market::timestamp morning = 1'795'837'500 * market::second;

/// All behind `after` and before `before`.
store::record_range between(record::cause after, record::cause before) {
  store::record_range r;
  r.after = after;
  r.before = before;
  r.seq_upto = INT64_MAX;
  return r;
}
store::record_range between(std::uint64_t after, std::uint64_t before) {
  return between({{1, after}, UINT32_MAX}, {{1, before}, 0});
}

std::vector<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>> told(
    const result<std::vector<record::bar_record>>& bars) {
  REQUIRE_MESSAGE(bars, bars.error().message);
  std::vector<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>> all;
  for (const auto& b : *bars) all.emplace_back(b.bar.token, b.cause.at.seq, b.bar.revision);
  return all;
}

store::tick_row tick(std::uint32_t token, record::position at, std::string_view packet = {}) {
  store::tick_row t;
  t.receive = morning + static_cast<market::timestamp>(at.seq) * market::millisecond + 123;
  t.wall = t.receive + 7;
  t.core.time = t.receive - 456;
  t.core.seq = at.seq;
  t.core.epoch = at.epoch;
  t.core.token = token;
  t.core.last = {static_cast<std::int64_t>(at.seq) * 5};
  t.packet = packet;
  return t;
}

market::mark gap(record::position at, std::vector<std::uint32_t> tokens = {}) {
  market::mark m;
  m.kind = market::mark_kind::gap;
  m.position = at;
  m.from = morning + 1;
  m.time = morning + 1'001;
  m.cause = market::gap_cause::stalled;
  m.tokens = std::move(tokens);
  return m;
}

}  // namespace

TEST_CASE("bars come back in the order of their causes, with every revision") {
  fixture f;
  auto second = bar(infy, morning, 12);
  second.cause.ordinal = 1;
  const auto revised = bar(infy, morning - market::minute, 15, 1);
  auto later = bar(infy, morning + market::minute, 3);
  later.cause.at.epoch = 2;
  REQUIRE(f.commit({bar(infy, morning - market::minute, 10), bar(reliance, morning, 12), second,
                    revised, bar(infy, morning + 2 * market::minute, 20), later},
                   0, 9));
  const auto records = f.files->records();
  const std::uint32_t tokens[] = {infy};
  const std::uint32_t both[] = {infy, reliance};
  using rows = std::vector<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>>;
  CHECK(told(records->bars_between(one_minute, tokens, between(10, 20))) ==
        rows{{infy, 12, 0}, {infy, 15, 1}});
  CHECK(told(records->bars_between(one_minute, both, between(9, 21))) ==
        rows{{infy, 10, 0}, {reliance, 12, 0}, {infy, 12, 0}, {infy, 15, 1}, {infy, 20, 0}});
  SUBCASE("within the outputs of one cause") {
    CHECK(told(records->bars_between(one_minute, both, between({{1, 12}, 0}, {{1, 12}, 2}))) ==
          rows{{infy, 12, 0}});
    CHECK(told(records->bars_between(one_minute, both, between({{1, 10}, 0}, {{1, 12}, 1}))) ==
          rows{{reliance, 12, 0}});
  }
  SUBCASE("over epochs") {
    CHECK(told(records->bars_between(one_minute, tokens,
                                     between({{1, 15}, UINT32_MAX}, {{2, 100}, 0}))) ==
          rows{{infy, 20, 0}, {infy, 3, 0}});
  }
  SUBCASE("a limit, and a window") {
    auto r = between(9, 21);
    r.limit = 2;
    CHECK(told(records->bars_between(one_minute, both, r)) ==
          rows{{infy, 10, 0}, {reliance, 12, 0}});
    r.seq_above = 12;
    r.seq_upto = 15;
    CHECK(told(records->bars_between(one_minute, both, r)) == rows{{infy, 15, 1}});
  }
  SUBCASE("what comes back is what was stored") {
    const auto found = records->bars_between(one_minute, tokens, between(14, 16));
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    CHECK(found->front().cause == revised.cause);
    CHECK(found->front().bar == revised.bar);
  }
  const auto positions = records->positions();
  REQUIRE(positions);
  CHECK(positions->front().at == record::position{1, 9});
  CHECK(records->kept_since("bars_1m") == 0);
}

TEST_CASE("ticks come back in the order of positions, whoever's and however they lie") {
  fixture f;
  // A packet begins with its token.
  const std::string packet = std::string("\x00\x06\x3a\x01", 4) + std::string(180, 'x');
  std::vector<store::tick_row> ticks;
  for (std::uint64_t seq = 1; seq <= 300; ++seq) {
    if (seq % 10 == 0) continue;
    const bool other = seq % 3 == 0;
    ticks.push_back(tick(other ? reliance : infy, {seq < 200 ? 1U : 2U, seq},
                         other ? std::string_view() : packet));
  }
  REQUIRE(f.commit({}, 0, 9, ticks, {gap({1, 10}), gap({1, 50}, {infy, reliance}), gap({2, 250})}));
  const auto records = f.files->records();
  const std::uint32_t one[] = {reliance};
  const std::uint32_t both[] = {infy, reliance};
  const auto check = [&](std::span<const std::uint32_t> tokens, const store::record_range& r) {
    const auto found = records->ticks_between(tokens, r);
    REQUIRE_MESSAGE(found, found.error().message);
    std::vector<store::tick_row> expected;
    for (const auto& row : ticks) {
      const record::cause at{row.core.position(), 0};
      if (at > r.after && at < r.before && at.at.seq > r.seq_above && at.at.seq <= r.seq_upto &&
          std::ranges::count(tokens, row.core.token) != 0 && expected.size() < r.limit)
        expected.push_back(row);
    }
    REQUIRE(found->size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto& is = (*found)[i];
      const auto& was = expected[i];
      CHECK(is.at == was.core.position());
      CHECK(is.token == was.core.token);
      CHECK(is.receive == was.receive);
      CHECK(is.exchange == was.core.time);
      CHECK(is.last == was.core.last);
      CHECK(is.packet == was.packet);
    }
    return found->size();
  };
  const record::cause end{{3, 1}, 0};
  CHECK(check(both, between({}, end)) == 270);
  CHECK(check(one, between({}, end)) == 90);
  CHECK(check(both, between({{1, 195}, UINT32_MAX}, {{2, 205}, 0})) == 8);
  auto r = between({{1, 100}, UINT32_MAX}, end);
  r.limit = 7;
  CHECK(check(both, r) == 7);
  r.limit = 1'000;
  r.seq_above = 150;
  r.seq_upto = 220;
  CHECK(check(both, r) == 63);

  const auto gaps = [&](const store::record_range& range) {
    const auto found = records->gaps_between(range);
    REQUIRE_MESSAGE(found, found.error().message);
    std::vector<std::uint64_t> at;
    for (const auto& g : *found) at.push_back(g.at.seq);
    return at;
  };
  CHECK(gaps(between({}, end)) == std::vector<std::uint64_t>{10, 50, 250});
  CHECK(gaps(between({{1, 10}, UINT32_MAX}, {{2, 250}, 0})) == std::vector<std::uint64_t>{50});
  r.limit = 1;
  r.seq_above = 50;
  r.seq_upto = 250;
  CHECK(gaps(r) == std::vector<std::uint64_t>{250});
  const auto found = records->gaps_between(between({{1, 10}, UINT32_MAX}, {{2, 250}, 0}));
  CHECK(found->front().from == morning + 1);
  CHECK(found->front().to == morning + 1'001);
  CHECK(found->front().cause == market::gap_cause::stalled);
  CHECK(found->front().tokens == std::vector<std::uint32_t>{infy, reliance});
}

TEST_CASE("chains come back with their options, in the order of their causes") {
  fixture f;
  const market::date near{20'788};
  const market::date far{20'795};
  const auto chain = [](std::uint64_t cause, const std::string& underlying, market::date expiry) {
    market::feature::chain_row c;
    c.underlying = underlying;
    c.expiry = expiry;
    c.at = morning + static_cast<market::timestamp>(cause) * market::second;
    c.is = market::option::state::ok;
    c.fields = market::feature::chain_row::forward_known;
    c.forward = 26'000 + 1.0 / static_cast<double>(cause);
    for (const std::uint32_t token : {11U, 12U}) {
      auto& o = c.options.emplace_back();
      o.token = token + static_cast<std::uint32_t>(expiry.days) * 100;
      o.strike = {static_cast<std::int64_t>(token) * market::price_scale};
      o.type = market::option::side::call;
      o.is = market::option::state::ok;
      o.fields = 511;
      o.iv = 1.0 / 3 + static_cast<double>(cause);
    }
    return record::feature_record{{{1, cause}, 0}, std::move(c)};
  };
  const std::vector<record::feature_record> rows{
      chain(10, "NIFTY", near), chain(11, "NIFTY", far), chain(12, "BANKNIFTY", near),
      chain(20, "NIFTY", near), chain(30, "NIFTY", near)};
  store::batch b;
  b.features = rows;
  REQUIRE(test::commit_between(f.db->writing(), b, 0, 9));
  const auto records = f.files->records();
  const auto check = [&](std::vector<store::chain_name> chains, const store::record_range& r,
                         std::vector<std::size_t> which) {
    std::ranges::sort(chains);
    const auto found = records->chains_between(chains, r);
    REQUIRE_MESSAGE(found, found.error().message);
    REQUIRE(found->size() == which.size());
    for (std::size_t i = 0; i < which.size(); ++i) {
      CHECK((*found)[i].cause == rows[which[i]].cause);
      CHECK(*(*found)[i].chain() == *rows[which[i]].chain());
    }
  };
  check({{"NIFTY", near}}, between(9, 30), {0, 3});
  check({{"NIFTY", near}, {"NIFTY", far}}, between(10, 31), {1, 3, 4});
  check({{"NIFTY", far}, {"BANKNIFTY", near}}, between(0, 31), {1, 2});
  auto r = between(0, 31);
  r.limit = 2;
  check({{"NIFTY", near}}, r, {0, 3});
  r.seq_above = 20;
  check({{"NIFTY", near}}, r, {4});
}

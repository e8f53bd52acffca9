#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>

#include "market/feature/instrument_features.hpp"

using namespace artham::market;           // NOLINT(google-build-using-namespace)
using namespace artham::market::feature;  // NOLINT(google-build-using-namespace)

namespace {

using row = instrument_row;

price operator""_p(unsigned long long hundredths) {
  return {static_cast<std::int64_t>(hundredths) * 10'000'000};
}

/// A full quote: last 100.00, 99.90 x 300 against 100.10 x 100.
quote at(timestamp time, std::uint64_t seq) {
  quote q;
  q.time = time;
  q.seq = seq;
  q.epoch = 1;
  q.token = 7;
  q.last = 10000_p;
  q.bid = 9990_p;
  q.ask = 10010_p;
  q.bid_quantity = 300;
  q.ask_quantity = 100;
  q.bid_depth = 900;
  q.ask_depth = 300;
  q.volume = 1000;
  q.oi = 50;
  q.fields = quote::volume_known | quote::oi_known | quote::depth_known;
  q.mode = tick_mode::full;
  return q;
}

row evaluated(instrument_features& f, timestamp mark) {
  const auto r = f.evaluate(mark);
  REQUIRE(r);
  return *r;
}

row of_one(const quote& q) {
  instrument_features f({});
  f.take(q);
  return evaluated(f, q.time + second);
}

}  // namespace

TEST_CASE("a book gives spread, microprice and imbalance") {
  const auto r = of_one(at(10 * second, 3));
  CHECK(r.mark == 11 * second);
  CHECK(r.token == 7);
  CHECK(r.cause == position{1, 3});
  CHECK(r.last == 10000_p);
  CHECK(r.spread == 20_p);
  // (99.90 x 100 + 100.10 x 300) / 400
  CHECK(r.microprice == 10005_p);
  CHECK(r.depth_imbalance == 0.5);
  CHECK(r.fields == (row::spread_known | row::microprice_known | row::imbalance_known));
}

TEST_CASE("the microprice is rounded half to even") {
  auto q = at(0, 1);
  q.bid = {1};
  q.ask = {2};
  q.bid_quantity = q.ask_quantity = 1;
  CHECK(of_one(q).microprice == price{2});
  q.bid = {2};
  q.ask = {3};
  CHECK(of_one(q).microprice == price{2});
  q.bid = {9'000'000'000'000'000'000};
  q.ask = {9'000'000'000'000'000'002};
  q.bid_quantity = q.ask_quantity = UINT32_MAX;
  CHECK(of_one(q).microprice == price{9'000'000'000'000'000'001});
}

TEST_CASE("what a book does not tell is left out") {
  SUBCASE("no depth in the packet") {
    auto q = at(0, 1);
    q.fields = quote::volume_known;
    CHECK(of_one(q).fields == 0);
    CHECK(of_one(q).spread == price{});
  }
  SUBCASE("one side empty") {
    auto q = at(0, 1);
    q.bid = {};
    q.bid_quantity = 0;
    q.bid_depth = 0;
    CHECK(of_one(q).fields == row::imbalance_known);
    CHECK(of_one(q).depth_imbalance == -1);
    q = at(0, 1);
    q.ask = {};
    q.ask_depth = 0;
    CHECK(of_one(q).fields == row::imbalance_known);
    CHECK(of_one(q).depth_imbalance == 1);
  }
  SUBCASE("both sides empty") {
    auto q = at(0, 1);
    q.bid = q.ask = {};
    q.bid_depth = q.ask_depth = 0;
    CHECK(of_one(q).fields == 0);
  }
  SUBCASE("crossed, but locked is not") {
    auto q = at(0, 1);
    q.bid = 10011_p;
    CHECK(of_one(q).fields == row::imbalance_known);
    q.bid = 10010_p;
    const auto r = of_one(q);
    CHECK(r.has(row::spread_known));
    CHECK(r.spread == price{});
    CHECK(r.microprice == 10010_p);
  }
  SUBCASE("prices without quantities") {
    auto q = at(0, 1);
    q.bid_quantity = q.ask_quantity = 0;
    CHECK(of_one(q).fields == (row::spread_known | row::imbalance_known));
  }
}

TEST_CASE("changes are against the evaluation before") {
  instrument_features f({});
  CHECK_FALSE(f.changed());
  CHECK_FALSE(f.evaluate(0));
  f.take(at(second, 1));
  CHECK(f.changed());
  constexpr auto changes =
      row::price_change_known | row::volume_change_known | row::oi_change_known;
  CHECK((evaluated(f, 2 * second).fields & changes) == 0);
  CHECK_FALSE(f.changed());

  auto q = at(2 * second, 2);
  q.last = 10100_p;
  f.take(q);
  q = at(3 * second, 3);
  q.last = 9950_p;
  q.volume = 1250;
  q.oi = 45;
  f.take(q);
  auto r = evaluated(f, 4 * second);
  CHECK((r.fields & changes) == changes);
  CHECK(r.price_change == price{-500'000'000});
  CHECK(r.volume_change == 250);
  CHECK(r.oi_change == -5);

  SUBCASE("packets that do not know volume and OI leave a longer change to the next that does") {
    q = at(4 * second, 4);
    q.fields = 0;
    q.volume = q.oi = 0;
    f.take(q);
    r = evaluated(f, 5 * second);
    CHECK(r.fields == row::price_change_known);
    CHECK(r.price_change == 50_p);
    q = at(5 * second, 5);
    q.volume = 1300;
    f.take(q);
    r = evaluated(f, 6 * second);
    CHECK(r.volume_change == 50);
    CHECK(r.oi_change == 5);
    CHECK(r.price_change == price{});
  }
  SUBCASE("a volume that fell has no change") {
    q = at(4 * second, 4);
    q.volume = 3;
    f.take(q);
    CHECK_FALSE(evaluated(f, 5 * second).has(row::volume_change_known));
    q = at(5 * second, 5);
    q.volume = 5;
    f.take(q);
    CHECK(evaluated(f, 6 * second).volume_change == 2);
  }
  SUBCASE("nor has one across the session's open") {
    f.begin_session();
    CHECK_FALSE(f.evaluate(5 * second));
    f.take(at(5 * second, 5));
    CHECK((evaluated(f, 6 * second).fields & changes) == 0);
  }
  SUBCASE("differences that do not fit are left out") {
    q = at(4 * second, 4);
    q.last = {INT64_MIN};
    q.oi = INT64_MIN;
    f.take(q);
    r = evaluated(f, 5 * second);
    CHECK_FALSE(r.has(row::price_change_known));
    CHECK_FALSE(r.has(row::oi_change_known));
    CHECK(r.volume_change == -0);
  }
}

TEST_CASE("older quotes and those ahead of market time change nothing") {
  instrument_features f({});
  f.take(at(10 * second, 5));
  CHECK(f.changed());
  CHECK(evaluated(f, 11 * second).last == 10000_p);
  const auto refused = [&](quote q) {
    q.last = 1_p;
    f.take(q);
    const bool taken = f.changed();
    if (taken) CHECK(evaluated(f, 12 * second).last == 1_p);
    return !taken;
  };
  CHECK(refused(at(9 * second, 6)));
  CHECK(refused(at(10 * second, 4)));
  CHECK(refused(at(10 * second, 5)));
  auto q = at(10 * second, 6);
  q.volume = 999;
  CHECK(refused(q));
  q = at(20 * second, 6);
  q.fields |= quote::ahead;
  CHECK(refused(q));
  f.begin_session();
  CHECK(refused(at(9 * second, 7)));

  SUBCASE("more volume is newer at the same time") {
    q = at(10 * second, 4);
    q.volume = 1001;
    CHECK_FALSE(refused(q));
  }
  SUBCASE("where one does not know the volume, the position decides") {
    q = at(10 * second, 6);
    q.volume = 0;
    q.fields = 0;
    CHECK_FALSE(refused(q));
    CHECK(refused(at(10 * second, 5)));
    CHECK_FALSE(refused(at(10 * second, 7)));
  }
  SUBCASE("an epoch more is newer") {
    q = at(10 * second, 1);
    q.epoch = 2;
    CHECK_FALSE(refused(q));
  }
}

TEST_CASE("return and volatility over windows") {
  instrument_feature_rules rules;
  rules.return_window = 2 * second;
  rules.volatility_window = 4 * second;
  rules.seconds_per_year = 400;
  instrument_features f(rules);
  const double prices[] = {100, 110, 99, 99, 102, 51};
  row r;
  for (int i = 0; i < 6; ++i) {
    if (i != 3) {  // nothing came: no evaluation
      auto q = at(i * second, static_cast<std::uint64_t>(i));
      q.last = {static_cast<std::int64_t>(prices[i]) * price_scale};
      f.take(q);
      r = evaluated(f, (i + 1) * second);
    }
    CAPTURE(i);
    if (i == 3) continue;
    CHECK(r.has(row::return_known) == (i >= 2));
    CHECK(r.has(row::volatility_known) == (i >= 4));
    if (i == 2) CHECK(r.rolling_return == doctest::Approx(std::log(0.99)).epsilon(1e-14));
    // Two seconds before the fifth is the third price; before the sixth, still that one.
    if (i == 4) CHECK(r.rolling_return == doctest::Approx(std::log(102. / 99)).epsilon(1e-14));
    if (i == 5) CHECK(r.rolling_return == doctest::Approx(std::log(51. / 99)).epsilon(1e-14));
  }
  const auto square = [](double x) { return x * x; };
  const double sum =
      square(std::log(.9)) + square(std::log(102. / 99)) + square(std::log(51. / 102));
  CHECK(r.volatility == doctest::Approx(std::sqrt(sum * 100)).epsilon(1e-14));

  f.begin_session();
  f.take(at(7 * second, 7));
  r = evaluated(f, 8 * second);
  CHECK_FALSE(r.has(row::return_known));
  CHECK_FALSE(r.has(row::volatility_known));
}

TEST_CASE("a price that does not move has volatility 0, and a price of 0 begins the windows anew") {
  instrument_features f({});
  std::uint64_t seq = 0;
  row r;
  for (timestamp t = 0; t <= 300 * second; t += second) {
    f.take(at(t, ++seq));
    r = evaluated(f, t);
    CHECK(r.has(row::return_known) == (t >= 60 * second));
    CHECK(r.has(row::volatility_known) == (t == 300 * second));
  }
  CHECK(r.volatility == 0);
  CHECK(r.rolling_return == 0);
  auto q = at(301 * second, ++seq);
  q.last = {};
  f.take(q);
  r = evaluated(f, 301 * second);
  CHECK_FALSE(r.has(row::return_known));
  for (timestamp t = 302 * second; t <= 362 * second; t += second) {
    f.take(at(t, ++seq));
    r = evaluated(f, t);
    CHECK(r.has(row::return_known) == (t == 362 * second));
    CHECK_FALSE(r.has(row::volatility_known));
  }
}

namespace {

struct step {
  timestamp mark;
  std::vector<quote> quotes;
  bool begins = false;
};

std::vector<step> any_day() {
  std::vector<step> steps;
  timestamp t = 1000 * second;
  std::uint64_t seq = 0;
  std::int64_t volume = 0;
  const int n = *rc::gen::inRange(1, 60);
  for (int i = 0; i < n; ++i) {
    step s;
    t += *rc::gen::inRange(1, 8) * second;
    s.mark = t;
    s.begins = *rc::gen::inRange(0, 25) == 0;
    const int count = *rc::gen::inRange(0, 4);
    for (int k = 0; k < count; ++k) {
      auto q = at(t - *rc::gen::inRange(0, 6) * second, ++seq);
      q.last = {*rc::gen::inRange<std::int64_t>(-1, 400) * 50'000'000};
      volume += *rc::gen::inRange(0, 3) * 10;
      q.volume = volume;
      q.oi = *rc::gen::inRange(0, 100);
      q.fields = static_cast<std::uint8_t>(*rc::gen::inRange(0, 8));
      if (*rc::gen::inRange(0, 10) == 0) q.fields |= quote::ahead;
      s.quotes.push_back(q);
    }
    steps.push_back(s);
  }
  return steps;
}

/// The row of the last step out of all steps up to it, from nothing kept.
std::optional<row> recomputed(const std::vector<step>& steps, std::size_t count,
                              const instrument_feature_rules& rules) {
  struct evaluation {
    timestamp mark;
    quote held;
  };
  std::vector<evaluation> all;  // of this session
  std::optional<quote> held;
  bool changed = false;
  for (std::size_t i = 0; i < count; ++i) {
    if (steps[i].begins) {
      all.clear();
      changed = false;
    }
    for (const auto& q : steps[i].quotes) {
      if ((q.fields & quote::ahead) != 0) continue;
      const bool volumes =
          held && (q.fields & held->fields & quote::volume_known) != 0 && q.volume != held->volume;
      if (held && (q.time != held->time ? q.time < held->time
                   : volumes            ? q.volume < held->volume
                                        : q.seq < held->seq))
        continue;
      held = q;
      changed = true;
    }
    if (changed)
      all.push_back({steps[i].mark, *held});
    else if (i + 1 == count)
      return std::nullopt;
    changed = false;
  }
  const auto& now = all.back();
  row r = of_one(now.held);  // its book
  r.mark = now.mark;
  const auto before = [&](std::uint8_t field) -> const quote* {
    for (auto e = std::next(all.rbegin()); e != all.rend(); ++e)
      if ((e->held.fields & field) == field) return &e->held;
    return nullptr;
  };
  if (const auto* b = before(0)) {
    r.price_change = {now.held.last.units - b->last.units};
    r.fields |= row::price_change_known;
  }
  if ((now.held.fields & quote::volume_known) != 0) {
    if (const auto* b = before(quote::volume_known); b && now.held.volume >= b->volume) {
      r.volume_change = now.held.volume - b->volume;
      r.fields |= row::volume_change_known;
    }
  }
  if ((now.held.fields & quote::oi_known) != 0) {
    if (const auto* b = before(quote::oi_known)) {
      r.oi_change = now.held.oi - b->oi;
      r.fields |= row::oi_change_known;
    }
  }
  // Second by second, as the last price holds until the next evaluation.
  std::vector<std::pair<timestamp, double>> path;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto until = i + 1 < all.size() ? all[i + 1].mark : now.mark + second;
    if (all[i].held.last.units <= 0) {
      path.clear();
      continue;
    }
    for (auto t = all[i].mark; t < until; t += second)
      path.emplace_back(t, static_cast<double>(all[i].held.last.units));
  }
  const auto full = [&](duration window) {
    return !path.empty() && path.front().first <= now.mark - window;
  };
  if (full(rules.return_window)) {
    r.rolling_return = std::log(
        path.back().second /
        path[path.size() - 1 - static_cast<std::size_t>(rules.return_window / second)].second);
    r.fields |= row::return_known;
  }
  if (full(rules.volatility_window)) {
    double sum = 0;
    const auto n = static_cast<std::size_t>(rules.volatility_window / second);
    for (std::size_t i = path.size() - n; i < path.size(); ++i)
      sum += std::pow(std::log(path[i].second / path[i - 1].second), 2);
    r.volatility = std::sqrt(sum / static_cast<double>(n) * rules.seconds_per_year);
    r.fields |= row::volatility_known;
  }
  return r;
}

}  // namespace

TEST_CASE("rows equal a recomputation from all quotes") {
  CHECK(rc::check("instrument features", [] {
    const auto steps = any_day();
    instrument_feature_rules rules;
    rules.return_window = *rc::gen::inRange(1, 40) * second;
    rules.volatility_window = *rc::gen::inRange(1, 40) * second;
    instrument_features f(rules);
    instrument_features again(rules);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto run = [&](instrument_features& x) -> std::optional<row> {
        if (steps[i].begins) x.begin_session();
        for (const auto& q : steps[i].quotes) x.take(q);
        return x.changed() ? x.evaluate(steps[i].mark) : std::nullopt;
      };
      auto found = run(f);
      RC_ASSERT(found == run(again));
      const auto expected = recomputed(steps, i + 1, rules);
      RC_ASSERT(found.has_value() == expected.has_value());
      if (!found) continue;
      RC_ASSERT(std::abs(found->rolling_return - expected->rolling_return) < 1e-13);
      RC_ASSERT(std::abs(found->volatility - expected->volatility) <=
                1e-13 * std::abs(expected->volatility));
      found->rolling_return = expected->rolling_return;
      found->volatility = expected->volatility;
      RC_ASSERT(*found == *expected);
    }
  }));
}

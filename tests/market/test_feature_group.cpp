#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <functional>

#include "tests/market/chain_support.hpp"

using namespace chain_test;  // NOLINT(google-build-using-namespace)

namespace {

const date expiry = make_date(2026, 12, 1);
const timestamp open_time = *parse_rfc3339("2026-11-30T09:15:00+05:30");
const std::vector<int> strikes{25'800, 25'900, 26'000, 26'100, 26'200};

/// Records of a stream, in order.
struct journal {
  std::vector<quote> quotes;
  std::vector<mark> marks;
  std::uint64_t seq = 0;

  void add(quote q) {
    q.seq = ++seq;
    quotes.push_back(q);
  }
  void clock(timestamp t) {
    mark m;
    m.position = {1, ++seq};
    m.time = t;
    marks.push_back(m);
  }
  [[nodiscard]] std::pair<std::vector<quote>, std::vector<mark>> part(std::uint64_t after,
                                                                      std::uint64_t until) const {
    std::pair<std::vector<quote>, std::vector<mark>> p;
    for (const auto& q : quotes) {
      if (q.seq > after && q.seq <= until) p.first.push_back(q);
    }
    for (const auto& m : marks) {
      if (m.position.seq > after && m.position.seq <= until) p.second.push_back(m);
    }
    return p;
  }
};

feature_group group_of(const feature_rules& rules = {}) {
  const auto plan = plan_of(nifty(expiry, strikes), rules);
  return feature_group(plan->group_of(spot_token), rules);
}

feature_rows run(feature_group& g, const journal& j, std::uint64_t after = 0,
                 std::uint64_t until = UINT64_MAX, position silent = {}) {
  const auto [quotes, marks] = j.part(after, until);
  feature_rows rows;
  g.consume(quotes, marks, silent, rows);
  return rows;
}

void add_chain(journal& j, timestamp t, double forward, double volatility = 0.13) {
  for (const int k : strikes) {
    for (const bool call : {true, false}) {
      const auto v = option::value(option::pricing::black76,
                                   {call ? option::side::call : option::side::put, forward,
                                    static_cast<double>(k), 1.25 / 365, 0, 0},
                                   volatility)
                         .price;
      j.add(quoted(option_token(k, call), t, v, v + 0.5));
    }
  }
}

/// A random market: quotes of spot, future and options, some late, some crossed, and the clock,
/// which jumps now and then: over gaps, expiry and night.
journal any_journal() {
  journal j;
  auto now = open_time - 2 * second;
  auto next_mark = open_time;
  const auto count = *rc::gen::inRange(1, 250);
  for (int n = 0; n < count; ++n) {
    now += *rc::gen::element(0, 0, 100, 300, 900, 3'000, 70'000, 400'000, 40'000'000) * millisecond;
    while (next_mark <= now) {
      j.clock(next_mark);
      next_mark =
          now - next_mark > 100 * second ? now / second * second : next_mark + 250 * millisecond;
      if (next_mark == j.marks.back().time) next_mark += 250 * millisecond;
    }
    const auto t = (now - *rc::gen::element(0, 0, 0, 2, 90, -3) * second) / second * second;
    const auto level = *rc::gen::inRange(25'700, 26'300);
    switch (*rc::gen::inRange(0, 4)) {
      case 0: {
        auto q = quoted(spot_token, t, level, level);
        q.fields = 0;
        q.mode = tick_mode::index_full;
        j.add(q);
        break;
      }
      case 1:
        j.add(quoted(future_token, t, level, level + *rc::gen::inRange(-1, 4)));
        break;
      default: {
        const auto k = *rc::gen::elementOf(strikes);
        const bool call = *rc::gen::arbitrary<bool>();
        const double inner = std::max(call ? level - k : k - level, 0);
        auto q = quoted(option_token(k, call), t, inner + *rc::gen::inRange(-5, 200),
                        inner + *rc::gen::inRange(0, 201));
        q.oi = *rc::gen::inRange(0, 1'000);
        q.volume = *rc::gen::inRange(0, 1'000);
        if (*rc::gen::inRange(0, 20) == 0) q.fields |= quote::ahead;
        j.add(q);
      }
    }
  }
  j.clock(next_mark + 10 * second - next_mark % second);
  return j;
}

void require_same(const feature_rows& a, const feature_rows& b) {
  RC_ASSERT(a.chains.size() == b.chains.size());
  for (std::size_t i = 0; i < a.chains.size(); ++i) {
    RC_ASSERT(a.chains[i].cause == b.chains[i].cause);
    RC_ASSERT(a.chains[i].row == b.chains[i].row);
  }
  RC_ASSERT(a.instruments.size() == b.instruments.size());
  for (std::size_t i = 0; i < a.instruments.size(); ++i) {
    RC_ASSERT(a.instruments[i].cause == b.instruments[i].cause);
    RC_ASSERT(a.instruments[i].row == b.instruments[i].row);
  }
}

/// In parts of so many records, as a reader gives them: one without quotes and before what the
/// group waits for is not given.
feature_rows run_cut(feature_group& g, const journal& j,
                     const std::function<std::uint64_t()>& records) {
  feature_rows got;
  timestamp due = 0;
  for (std::uint64_t at = 0; at < j.seq;) {
    const auto until = at + records();
    auto [quotes, marks] = j.part(at, until);
    at = until;
    if (quotes.empty() && (marks.empty() || marks.back().time < due)) continue;
    g.consume(quotes, marks, {}, got);
    due = g.next_due();
  }
  return got;
}

void append(feature_rows& to, const feature_rows& more) {
  to.chains.insert(to.chains.end(), more.chains.begin(), more.chains.end());
  to.instruments.insert(to.instruments.end(), more.instruments.begin(), more.instruments.end());
}

}  // namespace

TEST_CASE("however a stream is cut, and whichever idle marks are left out, the rows are the same") {
  const bool held = rc::check([] {
    feature_rules rules;
    rules.common.stale_underlying = 60 * second;
    const auto j = any_journal();
    auto whole = group_of(rules);
    const auto expected = run(whole, j);

    auto cut = group_of(rules);
    require_same(run_cut(cut, j, [] { return *rc::gen::inRange<std::uint64_t>(1, 40); }), expected);
  });
  CHECK(held);
}

TEST_CASE("a group that begins with its day, silent up to some record, goes on as if it had run") {
  const bool held = rc::check([] {
    const auto j = any_journal();
    auto whole = group_of();
    feature_rows expected;
    const auto from = *rc::gen::inRange<std::uint64_t>(0, j.seq + 1);
    run(whole, j, 0, from);
    append(expected, run(whole, j, from));

    auto late = group_of();
    const auto all = run(late, j, 0, UINT64_MAX, {1, from});
    require_same(all, expected);
  });
  CHECK(held);
}

TEST_CASE("a group goes on from what one before it saved as if it had gone on itself") {
  const bool held = rc::check([] {
    feature_rules rules;
    rules.instrument_interval = second;
    const auto plan = plan_of(nifty(expiry, strikes), rules)->group_of(spot_token);
    const auto j = any_journal();
    feature_group whole(plan, rules);
    feature_rows expected;
    feature_rows got;
    std::uint64_t at = 0;
    std::string state;
    while (at < j.seq) {
      const auto until = at + *rc::gen::inRange<std::uint64_t>(1, 200);
      append(expected, run(whole, j, at, until));
      feature_group next(plan, rules);
      if (!state.empty()) RC_ASSERT(next.load(state).has_value());
      append(got, run(next, j, at, until));
      RC_ASSERT(next.next_due() == whole.next_due());
      state = next.save();
      RC_ASSERT(state == whole.save());
      at = until;
    }
    require_same(got, expected);
  });
  CHECK(held);
}

TEST_CASE("a state that is not whole, or of another group, is refused") {
  journal j;
  add_chain(j, open_time, 26'000);
  j.add(quoted(future_token, open_time, 26'010, 26'012));
  j.clock(open_time + 5 * second);
  auto g = group_of();
  run(g, j);
  const auto state = g.save();
  for (std::size_t size = 0; size < state.size(); ++size)
    CHECK_FALSE(group_of().load(std::string_view(state).substr(0, size)));
  CHECK_FALSE(group_of().load(state + '\0'));
  auto newer = state;
  ++newer[0];
  CHECK(group_of().load(newer).error().code == artham::errc::unsupported);
  const auto other = plan_of(nifty(expiry, {30'000}), {});
  feature_group of_other(other->group_of(spot_token), {});
  CHECK(of_other.load(state).error().code == artham::errc::corrupt);
}

TEST_CASE("a group without a quote yet begins with the clock, wherever its marks were cut off") {
  feature_rules rules;
  rules.instrument_interval = second;
  journal j;
  j.clock(open_time);
  // Of the pre-open by its time, but come in the session.
  j.add(quoted(future_token, open_time - second, 26'002, 26'003));
  j.clock(open_time + second);
  auto whole = group_of(rules);
  const auto expected = run(whole, j).instruments;
  REQUIRE(expected.size() == 1);
  auto late = group_of(rules);
  late.begin_at(open_time);
  const auto got = run(late, j, 1).instruments;
  REQUIRE(got.size() == 1);
  CHECK(got[0].row == expected[0].row);
}

TEST_CASE("every number of every row is finite, and there only when it is known") {
  const bool held = rc::check([] {
    const auto j = any_journal();
    auto g = group_of();
    for (const auto& made : run(g, j).chains) {
      const auto& c = made.row;
      for (const double x : {c.years, c.forward, c.atm_iv, c.straddle, c.risk_reversal, c.butterfly,
                             c.pcr_oi, c.pcr_volume, c.gex}) {
        RC_ASSERT(std::isfinite(x));
      }
      unsigned valued = 0;
      for (const auto& o : c.options) {
        const bool ok = o.is == option::state::ok;
        RC_ASSERT(((o.fields & option_row::valued) != 0) == ok);
        valued += ok ? 1 : 0;
        for (const double x :
             {o.iv, o.delta, o.gamma, o.theta, o.vega, o.rho, o.theory, o.intrinsic, o.moneyness}) {
          RC_ASSERT(std::isfinite(x));
        }
        RC_ASSERT(ok || (o.iv == 0 && o.delta == 0 && o.vega == 0));
      }
      RC_ASSERT(valued == c.valued);
    }
  });
  CHECK(held);
}

TEST_CASE("a chain is told of at multiples of the interval, when something changed") {
  auto g = group_of();
  journal j;
  add_chain(j, open_time, 26'000);
  j.clock(open_time + 250 * millisecond);
  j.clock(open_time + second);
  j.clock(open_time + 2 * second);  // nothing new
  j.add(quoted(option_token(26'000, true), open_time + 2 * second, 100, 101));
  j.clock(open_time + 3 * second);
  const auto rows = run(g, j);
  REQUIRE(rows.chains.size() == 2);
  CHECK(rows.chains[0].row.at == open_time + second);
  CHECK(rows.chains[0].row.options.size() == 10);
  CHECK(rows.chains[0].cause == position{1, 12});
  CHECK(rows.chains[1].row.at == open_time + 3 * second);
}

TEST_CASE("quotes grow stale and contracts expire by the clock alone") {
  auto g = group_of();
  journal j;
  add_chain(j, open_time, 26'000);
  j.clock(open_time + second);
  const auto stale = open_time + 5 * minute;
  j.clock(stale);
  j.clock(stale + second);
  const auto end = *parse_rfc3339("2026-12-01T15:40:00+05:30");
  auto rows = run(g, j);
  REQUIRE(rows.chains.size() == 2);
  CHECK(rows.chains[1].row.at == stale + second);
  CHECK(rows.chains[1].row.options[0].is == option::state::stale);
  CHECK(rows.chains[1].row.is == option::state::no_underlying);

  journal last;
  last.seq = j.seq;
  add_chain(last, end - 2 * second, 26'000);
  last.clock(end - second);
  last.clock(end);
  last.add(quoted(option_token(26'000, true), end + second, 5, 6));
  last.clock(end + 2 * second);
  rows = run(g, last);
  REQUIRE(rows.chains.size() == 3);
  CHECK(rows.chains[0].row.is == option::state::ok);
  CHECK(rows.chains[1].row.is == option::state::expired);
  CHECK(rows.chains[2].row.options[4].is == option::state::expired);
  CHECK(g.counts().expired == 1);
}

TEST_CASE("a day knows nothing of the one before") {
  auto g = group_of();
  journal j;
  add_chain(j, open_time, 26'000);
  j.clock(open_time + second);
  const auto next_day = open_time + day;
  // Late for its day: it must not become the new day's quote.
  j.clock(next_day - 9 * hour);
  j.add(quoted(option_token(26'000, true), open_time + 6 * hour, 100, 101));
  j.add(quoted(option_token(26'100, true), next_day, 100, 101));
  j.clock(next_day + second);
  const auto rows = run(g, j);
  REQUIRE(rows.chains.size() == 2);
  CHECK(rows.chains[1].row.options.size() == 1);
  CHECK(rows.chains[1].row.options[0].token == option_token(26'100, true));
  CHECK(g.counts().unused == 1);
}

TEST_CASE("open interest changes from the day's first tick; a late tick changes nothing") {
  auto g = group_of();
  journal j;
  auto q = quoted(option_token(26'000, true), open_time, 100, 101);
  q.oi = 500;
  j.add(q);
  q.time += 2 * second;
  q.oi = 650;
  j.add(q);
  q.time -= second;
  q.oi = 600;
  j.add(q);
  j.clock(open_time + 3 * second);
  const auto rows = run(g, j);
  REQUIRE(rows.chains.size() == 1);
  CHECK(rows.chains[0].row.options[0].oi == 650);
  CHECK(rows.chains[0].row.options[0].oi_change == 150);
}

TEST_CASE("spot and future get features of their own, options only in their chain") {
  feature_rules rules;
  rules.instrument_interval = second;
  auto g = group_of(rules);
  journal j;
  add_chain(j, open_time, 26'000);
  j.add(quoted(future_token, open_time, 26'010, 26'012));
  j.clock(open_time + second);
  const auto rows = run(g, j);
  REQUIRE(rows.instruments.size() == 1);
  CHECK(rows.instruments[0].row.token == future_token);
  CHECK(rows.instruments[0].row.spread == rupees(2));
}

TEST_CASE("a session begins at its mark, also for a group that has nothing to say then") {
  feature_rules rules;
  rules.instrument_interval = second;
  journal j;
  j.add(quoted(future_token, open_time - 60 * second, 26'000, 26'001));
  j.clock(open_time - 2 * second);
  j.clock(open_time - second);
  j.clock(open_time);
  // Of the pre-open by its time, but come in the session.
  j.add(quoted(future_token, open_time - 5 * second, 26'002, 26'003));
  j.clock(open_time + second);
  auto whole = group_of(rules);
  const auto expected = run(whole, j).instruments;
  auto cut = group_of(rules);
  const auto got = run_cut(cut, j, [] { return 1; }).instruments;
  REQUIRE(expected.size() == 2);
  REQUIRE(got.size() == 2);
  CHECK(got[1].row == expected[1].row);
}

TEST_CASE("live chains come when something moved, and only then") {
  auto g = group_of();
  journal j;
  add_chain(j, open_time, 26'000);
  run(g, j);
  std::vector<chain_row> live;
  g.live(live);
  REQUIRE(live.size() == 1);
  CHECK(live[0].at == open_time);
  CHECK(live[0].valued == 10);
  live.clear();
  g.live(live);
  CHECK(live.empty());
}

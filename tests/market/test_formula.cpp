#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "market/formula/formula.hpp"
#include "market/formula/formula_engine.hpp"
#include "market/formula/formula_plan.hpp"

using namespace artham;                   // NOLINT(google-build-using-namespace)
using namespace artham::market;           // NOLINT(google-build-using-namespace)
using namespace artham::market::formula;  // NOLINT(google-build-using-namespace)

namespace {

using texts = std::vector<std::string>;

constexpr std::uint32_t spot = 1, future = 2, infy = 3, tcs = 4;
constexpr date november{20'781};  // 2026-11-24
constexpr date december{20'809};
constexpr date january{20'844};  // 2027-01-26

price p(std::string_view text) {
  return *parse_price(text);
}

calendar_ptr weekdays() {
  calendar_spec spec;
  spec.name = "NSE";
  spec.offsets = {{0, india_offset}};
  spec.regulars = {{make_date(2020, 1, 1), {{9 * hour, 15 * hour}}}};
  spec.first = make_date(2020, 1, 1);
  spec.last = make_date(2030, 1, 1);
  return std::make_shared<const calendar>(*calendar::make(spec));
}
const calendar_ptr nse = weekdays();

timestamp open_of(date d) {
  return nse->day(d).sessions.front().open;
}
const timestamp t0 = open_of(make_date(2026, 11, 23));

instrument listed(std::uint32_t token, std::string exchange, std::string symbol) {
  instrument i;
  i.token = token;
  i.exchange = std::move(exchange);
  i.symbol = i.name = std::move(symbol);
  return i;
}

std::uint32_t option_token(date expiry, std::int64_t strike, bool call) {
  return static_cast<std::uint32_t>(expiry.days * 1000 + strike * 2 + (call ? 0 : 1));
}

/// NIFTY with strikes 100, 110 and 120 in two expiries; 130 has no put.
std::vector<instrument> market_list() {
  std::vector<instrument> list{listed(spot, "NSE", "NIFTY 50"),
                               listed(future, "NFO", "NIFTY26NOVFUT"), listed(infy, "NSE", "INFY"),
                               listed(tcs, "NSE", "TCS"), listed(5, "MCX", "GOLD")};
  for (const auto expiry : {november, december, january}) {
    for (const std::int64_t strike : {100, 110, 120, 130}) {
      for (const bool call : {true, false}) {
        if (strike == 130 && !call) continue;
        auto& o = list.emplace_back();
        o.token = option_token(expiry, strike, call);
        o.exchange = "NFO";
        o.symbol = "NIFTY" + std::to_string(o.token);
        o.name = "NIFTY";
        o.expiry = expiry;
        o.strike = {strike * price_scale};
        o.type = call ? "CE" : "PE";
      }
    }
  }
  return list;
}

result<std::shared_ptr<const formula_plan>> plan_of(const texts& list) {
  const auto parsed = parse_formulas(list);
  if (!parsed) return tl::unexpected(parsed.error());
  return formula_plan::make(*parsed, market_list(), [](std::string_view) { return nse; });
}
std::string refusal(const texts& list) {
  const auto plan = plan_of(list);
  REQUIRE_FALSE(plan);
  return plan.error().message;
}
std::string refusal(const std::string& one) {
  return refusal(texts{one});
}
void says(const std::string& message, const texts& parts) {
  for (const auto& part : parts) CHECK_MESSAGE(message.find(part) != std::string::npos, message);
}

quote last(std::uint32_t token, std::string_view px, timestamp t) {
  quote q;
  q.token = token;
  q.last = p(px);
  q.time = t;
  return q;
}
quote book(std::uint32_t token, std::string_view bid, std::string_view ask, std::string_view px,
           timestamp t) {
  auto q = last(token, px, t);
  q.bid = p(bid);
  q.ask = p(ask);
  q.fields = quote::depth_known;
  return q;
}

struct bench {
  explicit bench(const texts& list, duration stale = minute) : engine(*plan_of(list), stale) {}
  /// `price@seconds behind t0` of each tick that the frame makes.
  texts frame(const std::vector<quote>& quotes) {
    std::vector<bar_input> ticks;
    engine.take(quotes, ticks);
    texts out;
    for (const auto& t : ticks) {
      CHECK(t.token == engine.plan().formulas()[t.slot].token);
      CHECK(t.fields == 0);
      CHECK(t.mode == tick_mode::ltp);
      out.push_back(to_string(t.last) + "@" + std::to_string((t.time - t0) / second));
    }
    return out;
  }
  formula_engine engine;
};

timestamp at(int seconds) {
  return t0 + seconds * second;
}

}  // namespace

TEST_CASE("a formula is a sum of legs and constants, or a straddle") {
  const auto sum = *parse_formula("PAIR_1 =  0.5*NSE:INFY - [NSE:BAJAJ-AUTO]+100 - 0.25 + NSE:M&M");
  CHECK(sum.name == "PAIR_1");
  const auto& s = std::get<weighted_sum>(sum.what);
  CHECK(s.terms == std::vector<term>{{500'000'000, "NSE:INFY"},
                                     {-price_scale, "NSE:BAJAJ-AUTO"},
                                     {price_scale, "NSE:M&M"}});
  CHECK(s.constant == p("99.75"));
  CHECK(std::get<weighted_sum>(parse_formula("A = -2 * X:Y")->what).terms ==
        std::vector<term>{{-2 * price_scale, "X:Y"}});
  CHECK(std::get<rolling_straddle>(parse_formula("A=straddle(NIFTY,nearest)")->what) ==
        rolling_straddle{"NIFTY", std::nullopt});
  CHECK(std::get<rolling_straddle>(parse_formula("A = straddle( [M&M-X] , 2026-11-24 )")->what) ==
        rolling_straddle{"M&M-X", november});
  CHECK(split_formulas("A = straddle(X, nearest), B = [X:A,B] + 1 ,C") ==
        texts{"A = straddle(X, nearest)", "B = [X:A,B] + 1", "C"});
  CHECK(split_formulas("").empty());
}

TEST_CASE("what is no formula is refused with its place and what is accepted there") {
  says(refusal("= NSE:INFY"), {"'= NSE:INFY'", "character 1", "expected a name"});
  says(refusal("A B = NSE:INFY"), {"character 3", "'B = NSE:INFY'", "expected ="});
  says(refusal(std::string(41, 'A') + " = NSE:INFY"), {"at most 40"});
  says(refusal("A = "), {"character 5", "the end", "NSE:INFY or [NSE:NIFTY 50]"});
  says(refusal("A = 3 + 4"), {"no leg"});
  says(refusal("A = NSE:NIFTY 50"), {"character 15", "'50'", "expected + or -", "brackets"});
  says(refusal("A = [NSE:INFY"), {"character 6", "expected ]"});
  says(refusal("A = []"), {"expected a key"});
  says(refusal("A = 1.2.3 * NSE:INFY"), {"character 5", "number"});
  says(refusal("A = 0.0000000001 * NSE:INFY"), {"character 5", "nine decimals"});
  says(refusal("A = 0 * NSE:INFY"), {"character 5", "above 0 and up to 1000000"});
  says(refusal("A = 1000000.1 * NSE:INFY"), {"character 5", "above 0 and up to 1000000"});
  says(refusal("A = NSE:INFY + 9000000000 + 9000000000"), {"character 29", "below 9.2e9"});
  says(refusal("A = straddle(NIFTY)"), {"character 19", "expected , and an expiry"});
  says(refusal("A = straddle(NIFTY, soon)"), {"character 21", "'soon)'", "2026-11-24, or nearest"});
  says(refusal("A = straddle(NIFTY, nearest) + 1"), {"character 30", "expected nothing"});
  says(refusal(texts{"A = NSE:INFY", "A = NSE:TCS"}), {"'A = NSE:TCS'", "given twice"});
  std::string many = "A = NSE:INFY";
  for (std::size_t i = 0; i < max_legs; ++i) many += "+NSE:INFY";
  says(refusal(many), {"no more than 64 legs"});
}

TEST_CASE("legs that are not listed are refused") {
  says(refusal("A = NSE:NOSUCH"), {"formula A", "unknown instrument 'NSE:NOSUCH'"});
  says(refusal(texts{"A = NSE:INFY", "B = SYN:A"}), {"formula B", "'SYN:A'"});
  says(refusal("A = straddle(BANKNIFTY, nearest)"), {"formula A", "'BANKNIFTY'"});
  says(refusal("A = straddle(NIFTY, 2026-11-25)"),
       {"2026-11-25", "2026-11-24, 2026-12-22, 2027-01-26"});
}

TEST_CASE("a synthetic instrument has a token that no exchange has, and a leg's calendar") {
  const auto plan = *plan_of({"PAIR = NSE:INFY - MCX:GOLD", "ATM = straddle(NIFTY, nearest)"});
  const auto list = plan->instruments();
  REQUIRE(list.size() == 2);
  CHECK(list[0].token == token_of("PAIR"));
  CHECK(list[0].token % 256 == 255);
  CHECK(list[0].exchange_token == list[0].token / 256);
  CHECK(display_key(list[0]) == "SYN:PAIR");
  CHECK(trading_exchange(list[0]) == "NSE");
  CHECK(trading_exchange(list[1]) == "NFO");
  CHECK(*parse_instruments(write_instruments(list)) == list);
  // For ever: journals hold them.
  CHECK(token_of("PAIR") == 1'620'874'495u);
}

TEST_CASE("two names with one token are refused") {
  std::vector<std::pair<std::uint32_t, std::string>> tokens(20'000);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto name = "N" + std::to_string(i);
    tokens[i] = {token_of(name), name};
  }
  std::ranges::sort(tokens);
  const auto twin = std::ranges::adjacent_find(
      tokens, [](const auto& a, const auto& b) { return a.first == b.first; });
  REQUIRE(twin != tokens.end());
  says(refusal(texts{twin->second + " = NSE:INFY", std::next(twin)->second + " = NSE:TCS"}),
       {"formula " + std::next(twin)->second, twin->second, "choose another name"});
}

TEST_CASE("what must be subscribed: a sum's legs, a straddle's spot and options") {
  CHECK((*plan_of({"A = NSE:TCS - NSE:INFY"}))->legs(november) ==
        std::vector<std::uint32_t>{infy, tcs});
  const auto straddle = *plan_of({"A = straddle(NIFTY, nearest)"});
  CHECK(straddle->legs(november).size() == 13);
  CHECK(straddle->legs({november.days + 1}).size() == 19);
  CHECK((*plan_of({"A = straddle(NIFTY, 2026-12-22)"}))->legs(november).size() == 7);
}

TEST_CASE("a price is the mid of a book that is not crossed, else the last one") {
  CHECK(leg_price(book(1, "99", "100", "7", t0)) == p("99.5"));
  CHECK(leg_price(book(1, "99", "99.000000001", "7", t0)) == p("99"));
  CHECK(leg_price(book(1, "99.000000001", "99.000000002", "7", t0)) == p("99.000000002"));
  CHECK(leg_price(book(1, "101", "100", "7", t0)) == p("7"));
  CHECK(leg_price(book(1, "0", "100", "7", t0)) == p("7"));
  CHECK(leg_price(last(1, "7", t0)) == p("7"));
  CHECK(leg_price(last(1, "0", t0)).units == 0);
}

TEST_CASE("a sum is exact and rounded half to even once") {
  bench b({"PAIR = 0.5 * NSE:INFY + 0.3 * NSE:TCS + 100", "BASIS = [NSE:NIFTY 50] - NSE:INFY",
           "ODD = 0.000000001 * NSE:INFY + 0.000000001 * NSE:TCS"});
  CHECK(b.frame({last(infy, "1500.05", at(0)), last(tcs, "3000.1", at(1))}) ==
        texts{"1750.055@1", "0.0000045@1"});
  CHECK(b.frame({last(spot, "1499", at(2))}) == texts{"-1.05@2"});
  CHECK(b.frame({last(infy, "0.5", at(3)), last(tcs, "1", at(3))}) ==
        texts{"100.55@3", "1498.5@3", "0.000000002@3"});
  CHECK(b.frame({last(tcs, "2", at(4))}) == texts{"100.85@4", "0.000000002@4"});
}

TEST_CASE("a value that is no price makes no tick") {
  bench b({"A = 1000000 * NSE:INFY", "B = 10 * NSE:INFY - 10 * NSE:TCS"});
  CHECK(b.frame({last(infy, "9200000000", at(0)), last(tcs, "9100000000", at(0))}) ==
        texts{"1000000000@0"});
  CHECK(b.engine.silent() == std::vector<std::uint64_t>{1, 0});
}

TEST_CASE("a frame makes one tick of a formula, of its last state, at the last leg's time") {
  bench b({"A = NSE:INFY + NSE:TCS"});
  CHECK(b.frame({last(infy, "1", at(5)), last(tcs, "1", at(3)), last(infy, "2", at(6)),
                 last(tcs, "5", at(4)), last(spot, "9", at(9))}) == texts{"7@4"});
  CHECK(b.frame({last(spot, "9", at(10))}).empty());
  CHECK_MESSAGE(b.frame({last(tcs, "6", at(5))}) == texts{"8@5"}, "time goes on");
  CHECK(b.frame({last(infy, "3", at(8))}) == texts{"9@8"});
  CHECK_MESSAGE(b.frame({last(tcs, "7", at(6))}) == texts{"10@8"}, "and not back");
}

TEST_CASE("a leg's quote that is older than the one held changes nothing") {
  bench b({"A = NSE:INFY"});
  CHECK(b.frame({last(infy, "1", at(5))}) == texts{"1@5"});
  CHECK(b.frame({last(infy, "2", at(4))}).empty());
  auto ahead = last(infy, "3", at(6));
  ahead.fields = quote::ahead;
  CHECK(b.frame({ahead}).empty());
  auto traded = last(infy, "4", at(7));
  traded.fields = quote::volume_known;
  traded.volume = 10;
  CHECK(b.frame({traded}) == texts{"4@7"});
  traded.volume = 9;
  CHECK(b.frame({traded}).empty());
  CHECK(b.engine.silent() == std::vector<std::uint64_t>{0});
}

TEST_CASE(
    "a formula is silent, and counted, while a leg is unheard, stale, of another day or unpriced") {
  bench b({"A = NSE:INFY + NSE:TCS"});
  CHECK(b.frame({last(infy, "1", at(0))}).empty());
  CHECK(b.engine.silent() == std::vector<std::uint64_t>{1});
  CHECK(b.frame({last(tcs, "1", at(60))}) == texts{"2@60"});
  CHECK(b.frame({last(tcs, "2", at(60) + 1)}).empty());
  CHECK(b.engine.silent() == std::vector<std::uint64_t>{2});
  CHECK(b.frame({last(infy, "2", at(61))}) == texts{"4@61"});
  CHECK_MESSAGE(b.frame({last(infy, "0", at(62))}).empty(), "no price");
  CHECK(b.engine.silent() == std::vector<std::uint64_t>{3});
  const auto midnight = nse->day_of(t0).end;
  bench night({"A = NSE:INFY + NSE:TCS"});
  night.frame({last(tcs, "1", midnight - second)});
  CHECK(night.frame({last(infy, "1", midnight - second)}).size() == 1);
  CHECK(night.frame({last(infy, "2", midnight)}).empty());
  CHECK(night.frame({last(tcs, "2", midnight)}).size() == 1);
}

TEST_CASE("what was lost must be heard anew") {
  bench b({"A = NSE:INFY + NSE:TCS"});
  CHECK(b.frame({last(infy, "1", at(0)), last(tcs, "1", at(0))}).size() == 1);
  b.engine.forget();
  CHECK(b.frame({last(infy, "1", at(1))}).empty());
  CHECK(b.frame({last(tcs, "1", at(1))}).size() == 1);
}

namespace {

std::vector<quote> all_options(date expiry, timestamp t) {
  std::vector<quote> quotes;
  for (const int strike : {100, 110, 120}) {
    const auto digits = std::to_string(strike);
    quotes.push_back(last(option_token(expiry, strike, true), digits, t));
    quotes.push_back(last(option_token(expiry, strike, false), digits + ".5", t));
  }
  return quotes;
}

}  // namespace

TEST_CASE("a straddle is call and put at the strike nearest to the spot, the lower of two") {
  bench b({"ATM = straddle(NIFTY, nearest)"});
  CHECK(b.frame(all_options(november, at(0))).empty());
  CHECK_MESSAGE(b.engine.silent() == std::vector<std::uint64_t>{0}, "none is a leg yet");
  CHECK(b.frame({last(spot, "104", at(1))}) == texts{"200.5@1"});
  CHECK_MESSAGE(b.frame({last(spot, "105", at(2))}) == texts{"200.5@2"}, "as near to 110");
  CHECK(b.frame({last(spot, "105.01", at(3))}) == texts{"220.5@3"});
  CHECK_MESSAGE(b.frame({last(spot, "900", at(4))}) == texts{"240.5@4"}, "130 has no put");
  CHECK(b.frame({last(option_token(november, 110, true), "8", at(5))}).empty());
  CHECK(b.frame({last(option_token(november, 120, true), "8", at(6))}) == texts{"128.5@6"});
  CHECK_MESSAGE(
      b.frame({last(spot, "111", at(62)), last(option_token(november, 120, true), "8", at(62))})
          .empty(),
      "a put at 110 of second 0 is stale");
  CHECK(b.engine.silent() == std::vector<std::uint64_t>{1});
}

TEST_CASE("the nearest expiry is one that is not past; a named one does not roll") {
  const texts both{"NEAR = straddle(NIFTY, nearest)", "NOV = straddle(NIFTY, 2026-11-24)"};
  const auto on = [&](date d) {
    bench b(both);
    const auto t = open_of(d);
    b.frame(all_options(november, t));
    auto rest = all_options(december, t);
    for (auto& q : rest) q.last.units += price_scale;
    b.frame(rest);
    std::vector<bar_input> ticks;
    b.engine.take(std::vector{last(spot, "100", t)}, ticks);
    texts out;
    for (const auto& tick : ticks) out.push_back(to_string(tick.last));
    return out;
  };
  CHECK(on(november) == texts{"200.5", "200.5"});
  CHECK(on({november.days + 1}) == texts{"202.5"});
  CHECK(on({december.days + 1}).empty());
}

namespace {

/// All that was heard, in order; values are computed from scratch.
class brute_force {
 public:
  void hear(const quote& q) {
    if ((q.fields & quote::ahead) == 0) heard_.push_back(q);
  }
  /// The newest by time, of several the last.
  [[nodiscard]] std::optional<quote> newest(std::uint32_t token) const {
    std::optional<quote> best;
    for (const auto& q : heard_) {
      if (q.token == token && (!best || q.time >= best->time)) best = q;
    }
    return best;
  }
  [[nodiscard]] std::optional<price> sum(const bound_sum& s) const {
    std::vector<std::pair<std::int64_t, std::uint32_t>> legs;
    for (const auto& t : s.terms) legs.emplace_back(t.coefficient, t.token);
    return value(legs, s.constant);
  }
  [[nodiscard]] std::optional<price> straddle(const bound_straddle& s,
                                              std::vector<std::uint32_t>& legs) const {
    legs = {s.spot};
    const auto under = newest(s.spot);
    if (!under || leg_price(*under).units == 0) return std::nullopt;
    const auto today = nse->day_of(under->time).trading_date;
    for (const auto& e : s.expiries) {
      if (e.day < today) continue;
      const listed_strike* best = nullptr;
      const auto px = leg_price(*under).units;
      for (const auto& k : e.strikes) {
        const auto away = std::abs(k.strike.units - px);
        if (best == nullptr || away < std::abs(best->strike.units - px)) best = &k;
      }
      legs = {s.spot, best->call, best->put};
      return value({{0, s.spot}, {price_scale, best->call}, {price_scale, best->put}}, {});
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::optional<price> value(
      const std::vector<std::pair<std::int64_t, std::uint32_t>>& legs, price constant) const {
    int128 sum = int128{constant.units} * price_scale;
    timestamp newest_time = 0;
    for (const auto& l : legs) {
      if (const auto q = newest(l.second)) newest_time = std::max(newest_time, q->time);
    }
    for (const auto& [coefficient, token] : legs) {
      const auto q = newest(token);
      if (!q || leg_price(*q).units == 0 || newest_time - q->time > 5 * second ||
          nse->day_of(q->time).trading_date != nse->day_of(newest_time).trading_date)
        return std::nullopt;
      sum += int128{coefficient} * leg_price(*q).units;
    }
    return price{divide_half_even(sum, price_scale)};
  }

  std::vector<quote> heard_;
};

std::vector<quote> random_frame(timestamp& now) {
  static const auto tokens = [] {
    std::vector<std::uint32_t> all;
    for (const auto& i : market_list()) all.push_back(i.token);
    return all;
  }();
  now +=
      *rc::gen::weightedElement<duration>({{20, second}, {4, 0}, {2, 6 * second}, {1, 12 * hour}});
  std::vector<quote> frame;
  const auto count = *rc::gen::inRange(1, 8);
  for (int i = 0; i < count; ++i) {
    quote q;
    q.token = *rc::gen::elementOf(tokens);
    q.time = now - *rc::gen::inRange<duration>(0, 3) * second;
    q.last.units = *rc::gen::inRange<std::int64_t>(0, 140) * price_scale;
    if (*rc::gen::inRange(0, 3) == 0) {
      q.fields = quote::depth_known;
      q.bid.units = *rc::gen::inRange<std::int64_t>(0, 140) * price_scale;
      q.ask.units = q.bid.units + *rc::gen::inRange<std::int64_t>(-1, 3) * price_scale;
    }
    if (*rc::gen::inRange(0, 30) == 0) q.fields |= quote::ahead;
    frame.push_back(q);
  }
  return frame;
}

}  // namespace

TEST_CASE("frame by frame the ticks are those that all quotes so far give") {
  const auto plan =
      *plan_of({"PAIR = 0.5 * NSE:INFY - 0.333333333 * NSE:TCS + 7", "ONE = 2 * [NSE:NIFTY 50]",
                "ATM = straddle(NIFTY, nearest)", "DEC = straddle(NIFTY, 2026-12-22)"});
  rc::check([&] {
    formula_engine engine(plan, 5 * second);
    brute_force reference;
    auto now = t0;
    std::vector<timestamp> last_time(plan->formulas().size(), 0);
    std::vector<std::uint64_t> silent(plan->formulas().size(), 0);
    const auto frames = *rc::gen::inRange(1, 60);
    for (int n = 0; n < frames; ++n) {
      const auto frame = random_frame(now);
      std::vector<std::pair<std::uint32_t, timestamp>> fresh;
      for (const auto& q : frame) {
        const auto before = reference.newest(q.token);
        const bool counts = (q.fields & quote::ahead) == 0 && (!before || q.time >= before->time);
        reference.hear(q);
        if (!counts) continue;
        std::erase_if(fresh, [&](const auto& e) { return e.first == q.token; });
        fresh.emplace_back(q.token, q.time);
      }
      std::vector<bar_input> ticks;
      engine.take(frame, ticks);
      auto next = ticks.begin();
      for (std::uint32_t i = 0; i < plan->formulas().size(); ++i) {
        const auto& f = plan->formulas()[i];
        std::vector<std::uint32_t> legs;
        std::optional<price> value;
        if (const auto* s = std::get_if<bound_sum>(&f.what)) {
          for (const auto& t : s->terms) legs.push_back(t.token);
          value = reference.sum(*s);
        } else {
          value = reference.straddle(std::get<bound_straddle>(f.what), legs);
        }
        const auto cause = std::find_if(fresh.rbegin(), fresh.rend(), [&](const auto& e) {
          return std::ranges::find(legs, e.first) != legs.end();
        });
        if (cause == fresh.rend()) continue;
        if (!value) {
          ++silent[i];
          continue;
        }
        last_time[i] = std::max(last_time[i], cause->second);
        RC_ASSERT(next != ticks.end());
        RC_ASSERT(next->token == f.token);
        RC_ASSERT(next->last.units == value->units);
        RC_ASSERT(next->time == last_time[i]);
        ++next;
      }
      RC_ASSERT(next == ticks.end());
    }
    RC_ASSERT(engine.silent() == silent);
  });
}

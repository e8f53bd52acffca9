#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "market/feature/expiry_clock.hpp"
#include "tests/market/chain_support.hpp"

using namespace chain_test;  // NOLINT(google-build-using-namespace)

namespace {

const date expiry = make_date(2026, 12, 1);
const timestamp now = *parse_rfc3339("2026-11-27T11:00:00+05:30");

/// A chain whose options are quoted around the Black-76 value of a smile.
class made_chain {
 public:
  explicit made_chain(chain_rules rules = {})
      : rules_(rules), chain_(rules, calendar_named("NFO"), expiry) {}

  made_chain& add(int strike, bool call, double bid, double ask, std::int64_t oi = 0,
                  std::int64_t volume = 0) {
    auto q = quoted(option_token(strike, call), now - second, bid, ask);
    q.oi = oi;
    q.volume = volume;
    return add(strike, call, q);
  }
  made_chain& add(int strike, bool call, const quote& q) {
    auto& h = held_.emplace_back();
    h.take(q);
    entries_.push_back({{option_token(strike, call), call ? option::side::call : option::side::put,
                         rupees(strike)},
                        &h});
    return *this;
  }
  /// Both sides of a strike at the value of this volatility, to the tick of 0.05.
  made_chain& add_at(int strike, double forward, double volatility) {
    expiry_clock clock(calendar_named("NFO"), expiry, year_rule::calendar);
    for (const bool call : {true, false}) {
      const auto v = option::value(option::pricing::black76,
                                   {call ? option::side::call : option::side::put, forward,
                                    static_cast<double>(strike), clock.years(now), 0, 0},
                                   volatility)
                         .price;
      add(strike, call, std::floor(v * 20) / 20, std::floor(v * 20) / 20 + 0.05);
    }
    return *this;
  }
  made_chain& outside(forward_source source, double px) {
    const auto place = std::ranges::find(rules_.sources, source) - rules_.sources.begin();
    outside_[static_cast<std::size_t>(place)] = {source, px, second};
    return *this;
  }
  chain_row at(timestamp t = now) { return chain_.evaluate(t, entries_, outside_); }

 private:
  chain_rules rules_;
  chain chain_;
  std::deque<held_quote> held_;
  std::vector<chain::entry> entries_;
  std::vector<underlying_price> outside_{3};
};

bool has(const chain_row& c, chain_row::field f) {
  return (c.fields & f) != 0;
}
bool has(const option_row& o, option_row::field f) {
  return (o.fields & f) != 0;
}

}  // namespace

TEST_CASE("a quoted chain gives back forward, volatilities and Greeks") {
  made_chain m;
  for (int k = 25'000; k <= 27'000; k += 100)
    m.add_at(k, 26'012, 0.12 + 1e-9 * (k - 26'000) * (k - 26'000));
  const auto c = m.at();
  CHECK(c.is == option::state::ok);
  CHECK(c.source == forward_source::parity);
  CHECK(c.forward == doctest::Approx(26'012).epsilon(4e-6));  // a tick
  CHECK(c.atm_strike == rupees(26'000));
  CHECK(c.atm_iv == doctest::Approx(0.12).epsilon(1e-3));
  CHECK(c.options.size() == 42);
  CHECK(c.valued == 42);
  for (const auto& o : c.options) {
    const double k = static_cast<double>(o.strike.units) / 1e9;
    CHECK(o.is == option::state::ok);
    const double points = 2.5 / (o.vega * 100);  // of half a tick: what the quote allows
    CHECK(std::abs(o.iv - (0.12 + 1e-9 * (k - 26'000) * (k - 26'000))) < 0.001 + points * 0.05);
    CHECK(o.moneyness == doctest::Approx(std::log(k / c.forward)));
    const auto again =
        option::value(option::pricing::black76, {o.type, c.forward, k, c.years, 0, 0}, o.iv);
    CHECK(o.delta == again.delta);
    CHECK(o.gamma == again.gamma);
    CHECK(o.theta == again.theta);
    CHECK(o.vega == again.vega);
    CHECK(o.rho == again.rho);
  }
  CHECK(c.straddle == doctest::Approx(0.12 * 26'012 * std::sqrt(c.years) * 0.8).epsilon(0.01));
}

TEST_CASE("the smile gives risk reversal and butterfly between strikes") {
  // Puts dear, calls cheap, linear in the strike: at 25 delta both lie between listed strikes.
  made_chain m;
  for (int k = 25'000; k <= 27'000; k += 50) m.add_at(k, 26'000, 0.14 - 2e-5 * (k - 26'000));
  const auto c = m.at();
  REQUIRE(has(c, chain_row::wings_known));
  CHECK(c.atm_iv == doctest::Approx(0.14).epsilon(2e-3));
  double call_strike = 0;
  double put_strike = 0;
  for (const auto& o : c.options) {
    const double k = static_cast<double>(o.strike.units) / 1e9;
    if (o.type == option::side::call && o.delta >= 0.25) call_strike = k;
    if (o.type == option::side::put && o.delta >= -0.25) put_strike = k;
  }
  CHECK(c.risk_reversal == doctest::Approx(-2e-5 * (call_strike - put_strike)).epsilon(0.1));
  CHECK(c.risk_reversal < 0);
  CHECK(
      c.butterfly ==
      doctest::Approx(-2e-5 * ((call_strike + put_strike) / 2 - 26'000)).epsilon(1.0).scale(0.002));
}

TEST_CASE("positions: ratios, max pain and gamma exposure against a plain count") {
  made_chain m;
  struct listed {
    int strike;
    std::int64_t call_oi, put_oi;
  };
  const std::vector<listed> all{
      {25'800, 100, 900}, {25'900, 300, 1'200}, {26'000, 900, 800}, {26'100, 1'500, 200}};
  for (const auto& l : all) {
    m.add(l.strike, true, std::max(26'000 - l.strike, 0) + 60, std::max(26'000 - l.strike, 0) + 61,
          l.call_oi, l.call_oi * 2);
    m.add(l.strike, false, std::max(l.strike - 26'000, 0) + 60, std::max(l.strike - 26'000, 0) + 61,
          l.put_oi, l.put_oi * 3);
  }
  const auto c = m.at();
  CHECK(c.call_oi == 2'800);
  CHECK(c.put_oi == 3'100);
  CHECK(c.pcr_oi == doctest::Approx(3'100.0 / 2'800));
  CHECK(c.pcr_volume == doctest::Approx(9'300.0 / 5'600));
  int pain = 0;
  double least = 1e300;
  for (const auto& at : all) {
    double paid = 0;
    for (const auto& l : all) {
      paid += static_cast<double>(l.call_oi) * std::max(at.strike - l.strike, 0) +
              static_cast<double>(l.put_oi) * std::max(l.strike - at.strike, 0);
    }
    if (paid < least) {
      least = paid;
      pain = at.strike;
    }
  }
  CHECK(c.max_pain == rupees(pain));
  double gex = 0;
  for (const auto& o : c.options)
    gex += static_cast<double>(o.type) * o.gamma * static_cast<double>(o.oi);
  CHECK(c.gex == doctest::Approx(gex * c.forward * c.forward / 100));
}

TEST_CASE("what cannot be computed has a state and no number") {
  made_chain m;
  m.add_at(25'900, 26'000, 0.13).add_at(26'000, 26'000, 0.13).add_at(26'100, 26'000, 0.13);
  m.add(26'200, true, 12, 11.5);                                                // crossed
  m.add(26'300, true, quoted(option_token(26'300, true), now - hour, 9, 9.5));  // stale
  auto empty = quoted(option_token(26'400, true), now, 0, 0);
  m.add(26'400, true, empty);            // nothing quoted, nothing traded
  m.add(25'000, true, 900, 901);         // below what exercise pays
  m.add(0, true, 26'000, 26'001);        // strike 0
  m.add(25'100, false, 26'000, 26'001);  // worth more than its strike
  const auto c = m.at();
  CHECK(c.source == forward_source::parity);
  const std::vector<option::state> expected{
      option::state::ok,        option::state::ok,
      option::state::ok,        option::state::ok,
      option::state::ok,        option::state::ok,
      option::state::crossed,   option::state::stale,
      option::state::no_quote,  option::state::below_intrinsic,
      option::state::bad_terms, option::state::above_bound};
  REQUIRE(c.options.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& o = c.options[i];
    CHECK(o.is == expected[i]);
    CHECK(has(o, option_row::valued) == (o.is == option::state::ok));
    if (o.is != option::state::ok) {
      CHECK(o.iv == 0);
      CHECK(o.delta == 0);
    }
  }
  CHECK(c.valued == 6);
}

TEST_CASE("an empty side of the book leaves the last price, a locked book is no crossed one") {
  made_chain m;
  m.add_at(26'000, 26'000, 0.13);
  auto one_sided = quoted(option_token(26'100, true), now, 0, 80);
  one_sided.last = rupees(77);
  m.add(26'100, true, one_sided);
  m.add(26'200, true, 50, 50);
  const auto c = m.at();
  CHECK(c.options[2].used == rupees(77));
  CHECK_FALSE(has(c.options[2], option_row::bid_known));
  CHECK(has(c.options[2], option_row::ask_known));
  CHECK(c.options[3].used == rupees(50));
  CHECK(c.options[3].is == option::state::ok);
}

TEST_CASE("the forward comes from the first source that is there") {
  made_chain lonely;  // no strike with both sides
  lonely.add(26'000, true, 300, 301);
  CHECK(lonely.at().is == option::state::no_underlying);
  CHECK(lonely.at().options[0].is == option::state::no_underlying);
  CHECK_FALSE(has(lonely.at(), chain_row::forward_known));

  lonely.outside(forward_source::spot, 25'990);
  CHECK(lonely.at().source == forward_source::spot);
  CHECK(lonely.at().forward == 25'990);
  lonely.outside(forward_source::future, 26'010);
  CHECK(lonely.at().source == forward_source::future);
  CHECK(lonely.at().forward == 26'010);

  chain_rules spot_only;
  spot_only.sources = {forward_source::spot};
  spot_only.rate = 0.07;
  spot_only.dividend = 0.01;
  made_chain m(spot_only);
  m.add(26'000, true, 300, 301).outside(forward_source::spot, 26'000);
  const auto c = m.at();
  CHECK(c.forward == doctest::Approx(26'000 * std::exp(0.06 * c.years)));
}

TEST_CASE("parity is taken where call and put are nearest, the lower strike of two") {
  made_chain m;
  m.add(25'800, true, 300, 310).add(25'800, false, 60, 62);  // wide, and off by 20
  m.add(25'900, true, 200, 202).add(25'900, false, 105, 107);
  m.add(26'000, true, 150, 151).add(26'000, false, 148, 149);
  m.add(26'100, true, 100, 101).add(26'100, false, 102, 103);
  CHECK(m.at().forward == doctest::Approx(26'002).epsilon(1e-12));
}

TEST_CASE("Black-Scholes values on the spot that belongs to the forward") {
  chain_rules bs;
  bs.model = option::pricing::black_scholes;
  bs.sources = {forward_source::spot};
  bs.rate = 0.065;
  bs.dividend = 0.012;
  made_chain m(bs);
  m.add(26'000, true, 300, 301).outside(forward_source::spot, 26'000);
  const auto c = m.at();
  const auto& o = c.options[0];
  REQUIRE(o.is == option::state::ok);
  const auto v = option::value(option::pricing::black_scholes,
                               {option::side::call, 26'000, 26'000, c.years, 0.065, 0.012}, o.iv);
  CHECK(v.price == doctest::Approx(300.5).epsilon(1e-12));
  CHECK(o.delta == doctest::Approx(v.delta).epsilon(1e-12));
  CHECK(o.rho == doctest::Approx(v.rho).epsilon(1e-12));
}

TEST_CASE("in the money, the theoretical value is that of the other side's volatility") {
  made_chain m;
  m.add_at(25'900, 26'000, 0.13).add_at(26'000, 26'000, 0.13);
  m.add(26'100, true, 90, 90.05);  // out of the money
  m.add(26'100, false, 300, 320);  // its put, with a wide quote
  const auto c = m.at();
  const auto& call = c.options[4];
  const auto& put = c.options[5];
  REQUIRE(has(put, option_row::theory_known));
  CHECK(call.theory == doctest::Approx(90.025).epsilon(1e-12));
  CHECK(put.theory == doctest::Approx(90.025 + 26'100 - c.forward).epsilon(1e-12));
}

TEST_CASE("a chain lives to the last nanosecond of its expiry and not longer") {
  chain_rules spot_only;
  spot_only.sources = {forward_source::spot};
  chain c(spot_only, calendar_named("NFO"), expiry);
  CHECK(to_rfc3339(c.end(), india_offset) == "2026-12-01T15:40:00+05:30");
  held_quote h;
  h.take(quoted(option_token(26'000, true), c.end() - second, 10, 10.05));
  const std::vector<chain::entry> entries{
      {{option_token(26'000, true), option::side::call, rupees(26'000)}, &h}};
  const std::vector<underlying_price> spot{{forward_source::spot, 26'005, 0}};
  const auto last = c.evaluate(c.end() - 1, entries, spot);
  CHECK(last.is == option::state::ok);
  CHECK(last.years > 0);
  CHECK(last.options[0].is == option::state::ok);
  CHECK(std::isfinite(last.options[0].iv));
  const auto over = c.evaluate(c.end(), entries, spot);
  CHECK(over.is == option::state::expired);
  CHECK(over.years == 0);
  CHECK(over.options[0].is == option::state::expired);
  CHECK(over.options[0].intrinsic == 5);
  CHECK(over.valued == 0);
}

TEST_CASE("a date without a session ends at the usual hour, however far it is") {
  const auto nfo = calendar_named("NFO");
  CHECK(to_rfc3339(expiry_instant(*nfo, make_date(2026, 11, 24)), india_offset) ==
        "2026-11-24T15:30:00+05:30");  // a holiday
  CHECK(expiry_instant(*nfo, make_date(9999, 12, 31)) > expiry_instant(*nfo, expiry));
}

TEST_CASE("time to expiry in calendar and in trading time") {
  const auto nfo = calendar_named("NFO");
  expiry_clock calendar_time(nfo, expiry, year_rule::calendar);
  const auto end = calendar_time.end();
  CHECK(calendar_time.years(end - 365 * day) == 1);
  CHECK(calendar_time.years(end - day) == doctest::Approx(1.0 / 365));
  CHECK(calendar_time.years(end) == 0);
  CHECK(calendar_time.years(end + second) == 0);

  expiry_clock trading(nfo, expiry, year_rule::trading);
  // Tuesday's close, Monday's close and Sunday noon differ by a session or nothing.
  const double a_session = trading.years(end - day) - trading.years(end);
  CHECK(a_session == doctest::Approx(1.0 / 247).epsilon(0.03));
  CHECK(trading.years(*parse_rfc3339("2026-11-29T12:00:00+05:30")) ==
        doctest::Approx(2 * a_session));
  CHECK(trading.years(*parse_rfc3339("2026-11-29T12:00:00+05:30")) ==
        trading.years(*parse_rfc3339("2026-11-30T09:15:00+05:30")));
  double before = 1e9;
  for (auto t = end - 10 * day; t <= end; t += 7 * minute) {
    const double left = trading.years(t);
    CHECK(left <= before);
    before = left;
  }
}

TEST_CASE("rules of an underlying are read, and refused by part") {
  const auto rules = parse_chain_rules(
      "NIFTY model=bs forward=spot+future rate=0.065 dividend=0.012 years=trading "
      "stale_option=60s stale_underlying=5s",
      {});
  REQUIRE(rules);
  CHECK(rules->first == "NIFTY");
  CHECK(rules->second.model == option::pricing::black_scholes);
  CHECK(write_sources(rules->second.sources, " ") == "spot future");
  CHECK(rules->second.rate == 0.065);
  CHECK(rules->second.dividend == 0.012);
  CHECK(rules->second.years == year_rule::trading);
  CHECK(rules->second.stale_option == minute);
  CHECK(rules->second.stale_underlying == 5 * second);

  const auto refused = [](std::string_view text) {
    return parse_chain_rules(text, {}).error().message;
  };
  CHECK(refused("").find("must begin with an underlying") != std::string::npos);
  CHECK(refused("rate=0.1").find("must begin with an underlying") != std::string::npos);
  CHECK(refused("NIFTY rate=seven").find("NIFTY: rate must be a yearly rate") != std::string::npos);
  CHECK(refused("NIFTY rate=nan").find("NIFTY: rate") != std::string::npos);
  CHECK(refused("NIFTY forward=spot+spot").find("each once") != std::string::npos);
  CHECK(refused("NIFTY forward=moon").find("parity, future and spot") != std::string::npos);
  CHECK(refused("NIFTY model=").find("black76 or bs") != std::string::npos);
  CHECK(refused("NIFTY colour=red").find("colour is no part of it") != std::string::npos);
  CHECK(refused("NIFTY stale_option=0s").find("1s to 1d") != std::string::npos);
}

TEST_CASE("instruments are grouped by underlying") {
  auto list = nifty(expiry, {25'900, 26'000});
  instrument share;
  share.token = 408'065;
  share.exchange = share.segment = "NSE";
  share.symbol = "INFY";
  share.name = "INFOSYS LTD";
  share.type = "EQ";
  list.push_back(share);
  list.push_back(derivative(77 * 256 + 2, "CE", expiry, 1'500, "INFY"));
  instrument alone = share;
  alone.token = 779'521;
  alone.symbol = "SBIN";
  list.push_back(alone);
  list.push_back(derivative(88 * 256 + 9, "PE", expiry, 26'000, "NIFTY", "BFO"));
  const auto plan = plan_of(list);
  CHECK(plan->chains().size() == 3);
  const auto group = plan->group_of(option_token(26'000, false));
  CHECK(group->name == "NIFTY");
  CHECK(group->spot == spot_token);
  CHECK(group->options.size() == 4);
  CHECK(group->futures.size() == 1);
  CHECK(plan->group_of(spot_token) == group);
  CHECK(plan->group_of(future_token) == group);
  CHECK(plan->group_of(408'065)->name == "INFY");
  CHECK(plan->group_of(408'065)->options.size() == 1);
  CHECK(plan->group_of(779'521)->name == "NSE:SBIN");
  CHECK_FALSE(plan->group_of(779'521)->has_options());
  CHECK(plan->group_of(88 * 256 + 9)->name == "BFO:NIFTY");
  CHECK(plan->group_of(12'345)->spot == 12'345);
}

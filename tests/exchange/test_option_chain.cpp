#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include "feed/kite/codec.hpp"
#include "market/option/option.hpp"
#include "tests/exchange/fixtures.hpp"

using namespace artham;
using namespace artham::exchange::test;
using feed::synthetic::event;
using market::minute;
using market::second;
namespace option = market::option;

namespace {

using list = std::vector<market::instrument>;

constexpr std::uint32_t first_exchange_token = 1'048'576;  // of options; all others are below it

feed::synthetic::options with_chains(std::uint32_t instruments = 4, std::uint64_t seed = 1) {
  feed::synthetic::options o;
  o.seed = seed;
  o.instruments = instruments;
  o.chains = true;
  return o;
}

bool is_option(const market::instrument& i) {
  return i.segment == "NFO-OPT";
}

list options_on(const market::date& on, std::uint32_t instruments = 4) {
  auto all = generator(with_chains(instruments)).instruments(on);
  std::erase_if(all, [](const auto& i) { return !is_option(i); });
  return all;
}

std::set<std::string> expiries(const list& options, const std::string& name) {
  std::set<std::string> found;
  for (const auto& i : options) {
    if (i.name == name) found.insert(market::to_string(i.expiry));
  }
  return found;
}

const market::instrument& by_symbol(const list& options, const std::string& symbol) {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const auto& i) { return i.symbol == symbol; });
  REQUIRE_MESSAGE(found != options.end(), symbol);
  return *found;
}

std::vector<event> events_of(feed::synthetic::options o, market::timestamp from,
                             market::timestamp to) {
  auto g = generator(o);
  g.seek(from);
  std::vector<event> out;
  g.step(to, out);
  return out;
}

std::string bytes_of(const std::vector<event>& events) {
  std::string bytes;
  for (const auto& e : events) {
    if (const auto encoded = feed::kite::encode_packet(bytes, e.tick); !encoded) {
      FAIL(encoded.error().message);
    }
    bytes += std::to_string(e.at);
  }
  return bytes;
}

double rupees(market::price p) {
  return static_cast<double>(p.units) / market::price_scale;
}

struct quote {
  double bid;
  double ask;
  [[nodiscard]] double mid() const { return (bid + ask) / 2; }
  [[nodiscard]] double half_spread() const { return (ask - bid) / 2; }
};

quote quote_of(const market::tick& t) {
  return {rupees(t.bids[0].px), rupees(t.offers[0].px)};
}

/// What options ticked in two minutes of a Wednesday, on which none expires.
const std::vector<event>& some_option_ticks() {
  static const auto ticks = [] {
    const auto from = open_of(market::make_date(2026, 11, 18)) + 100 * minute;
    auto all = events_of(with_chains(), from, from + 2 * minute);
    std::erase_if(all, [](const auto& e) { return (e.tick.token >> 8) < first_exchange_token; });
    return all;
  }();
  REQUIRE(ticks.size() > 1'000);
  return ticks;
}

}  // namespace

TEST_CASE("chains are two weekly expiries and the monthly one, named like Kite's") {
  const auto options = options_on(market::make_date(2025, 12, 10));
  CHECK(expiries(options, "NIFTY") ==
        std::set<std::string>{"2025-12-16", "2025-12-23", "2025-12-30"});
  CHECK(expiries(options, "ARUNTEX") == std::set<std::string>{"2025-12-30"});
  CHECK(expiries(options, "BHARGSTEEL") == std::set<std::string>{"2025-12-30"});
  CHECK(options.size() == 3 * 21 * 2 + 2 * 11 * 2);

  const auto middle = options[20].strike.units / market::price_scale;  // call and put by strike
  const auto strike = std::to_string(middle);
  const auto& weekly = by_symbol(options, "NIFTY25D23" + strike + "CE");
  CHECK(weekly.exchange == "NFO");
  CHECK(weekly.type == "CE");
  CHECK(weekly.lot_size == 75);
  CHECK(weekly.tick_size == market::price{market::price_scale / 20});
  CHECK((weekly.token & 0xff) == 2);
  CHECK(weekly.exchange_token == weekly.token >> 8);
  CHECK(by_symbol(options, "NIFTY25DEC" + strike + "PE").expiry == market::make_date(2025, 12, 30));
  CHECK(options[2].strike.units - options[0].strike.units == 50 * market::price_scale);
  CHECK(market::parse_instruments(market::write_instruments(options)) == options);
}

TEST_CASE("a weekly expiry in a month's last week is the monthly one") {
  CHECK(expiries(options_on(market::make_date(2025, 12, 22)), "NIFTY") ==
        std::set<std::string>{"2025-12-23", "2025-12-30"});
  CHECK(expiries(options_on(market::make_date(2025, 12, 30)), "NIFTY") ==
        std::set<std::string>{"2025-12-30", "2026-01-06"});
  CHECK(expiries(options_on(market::make_date(2025, 12, 31)), "NIFTY") ==
        std::set<std::string>{"2026-01-06", "2026-01-13", "2026-01-27"});
}

TEST_CASE("an expiry on a holiday is the trading day before") {
  // Tuesday 2026-11-24 is Guru Nanak Jayanti, 2026-04-14 Ambedkar Jayanti.
  const auto options = options_on(friday);
  CHECK(expiries(options, "NIFTY") == std::set<std::string>{"2026-11-23", "2026-12-01"});
  CHECK(expiries(options, "ARUNTEX") == std::set<std::string>{"2026-11-23"});
  CHECK(options[0].symbol.starts_with("NIFTY26NOV"));
  const auto april = options_on(market::make_date(2026, 4, 9));
  CHECK(april[0].symbol.starts_with("NIFTY26413"));
  CHECK(expiries(options_on(market::make_date(2026, 11, 24)), "NIFTY") ==
        std::set<std::string>{"2026-12-01", "2026-12-08", "2026-12-29"});
}

TEST_CASE("chains need their underlyings") {
  CHECK(options_on(friday, 1).size() == 2 * 21 * 2);
  CHECK(options_on(friday, 2).size() == 2 * 21 * 2);
  CHECK(options_on(friday, 3).size() == 2 * 21 * 2 + 11 * 2);
  CHECK(options_on(friday, 40).size() == 2 * 21 * 2 + 2 * 11 * 2);
}

TEST_CASE("a token is one contract for ever") {
  std::map<std::uint32_t, market::instrument> seen;
  std::set<std::string> symbols;
  for (const std::uint64_t seed : {1, 2, 3}) {
    seen.clear();
    symbols.clear();
    const auto g = generator(with_chains(5, seed));
    for (auto d = market::make_date(2025, 1, 1); d < market::make_date(2027, 1, 1); ++d.days) {
      std::set<std::uint32_t> today;
      std::map<std::pair<std::string, market::date>, int> listed;
      for (const auto& i : g.instruments(d)) {
        REQUIRE(today.insert(i.token).second);
        if (!is_option(i)) continue;
        ++listed[{i.name, i.expiry}];
        REQUIRE(i.expiry >= d);
        REQUIRE((i.exchange_token > first_exchange_token && i.exchange_token < 1 << 24));
        const auto [at, is_new] = seen.emplace(i.token, i);
        REQUIRE((is_new || at->second == i));
        REQUIRE((!is_new || symbols.insert(i.symbol).second));
      }
      for (const auto& [series, contracts] : listed) {
        REQUIRE(contracts == (series.first == "NIFTY" ? 42 : 22));
      }
    }
    CHECK(seen.size() > 5'000);
  }
}

TEST_CASE("other instruments' ticks are the same with chains") {
  const auto from = open_of(friday) + 10 * minute;
  auto without = with_chains(30, 7);
  without.chains = false;
  auto events = events_of(with_chains(30, 7), from, from + 3 * minute);
  const auto all = events.size();
  std::erase_if(events, [](const auto& e) { return (e.tick.token >> 8) >= first_exchange_token; });
  CHECK(events.size() < all);
  CHECK(bytes_of(events) == bytes_of(events_of(without, from, from + 3 * minute)));
}

TEST_CASE("seeking with chains gives what running there would have given") {
  const auto open = open_of(friday);
  // The last one is behind the expiry of Monday, with other contracts.
  for (const auto into : {90 * second, 2 * market::hour, 4 * market::day + 2 * market::hour}) {
    auto ran = generator(with_chains());
    ran.seek(open);
    std::vector<event> out;
    ran.step(open + into, out);
    auto sought = generator(with_chains());
    sought.seek(open + into);
    std::vector<event> after_run;
    std::vector<event> after_seek;
    ran.step(open + into + minute, after_run);
    sought.step(open + into + minute, after_seek);
    CHECK(bytes_of(after_run) == bytes_of(after_seek));
  }
}

TEST_CASE("every machine makes the same option ticks") {
  std::uint64_t digest = 14'695'981'039'346'656'037U;  // FNV-1a
  for (const auto c : bytes_of(some_option_ticks())) {
    digest = (digest ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  }
  CHECK(digest == 7'648'654'016'153'732'415U);
}

TEST_CASE("quotes bracket the true price") {
  const auto g = generator(with_chains());
  std::map<std::uint32_t, std::int64_t> lots;
  for (const auto& i : options_on(market::make_date(2026, 11, 18))) lots[i.token] = i.lot_size;
  int without_bid = 0;
  for (const auto& [at, t] : some_option_ticks()) {
    const auto truth = g.true_value(t.token, t.exchange_time);
    REQUIRE(truth);
    const auto q = quote_of(t);
    REQUIRE(q.bid <= truth->price);
    REQUIRE(truth->price <= q.ask);
    REQUIRE(t.bids[0].px.units % (market::price_scale / 20) == 0);
    REQUIRE(t.last.units > 0);
    without_bid += t.bids[0].px.units == 0;
    for (std::size_t n = 0; n < 5; ++n) {
      REQUIRE(t.offers[n].px.units > 0);
      REQUIRE(t.bids[n].px.units >= 0);
      REQUIRE((t.bids[n].px.units == 0) == (t.bids[n].quantity == 0));
    }
    const auto lot = lots.at(t.token);
    REQUIRE(t.oi > 0);
    REQUIRE(t.oi % lot == 0);
    REQUIRE(t.volume % lot == 0);
    REQUIRE(t.last_quantity % lot == 0);
  }
  CHECK(without_bid > 0);
}

TEST_CASE("mids obey put-call parity within their spreads") {
  auto g = generator(with_chains());
  const auto at = open_of(market::make_date(2026, 11, 18)) + 100 * minute;
  auto every = with_chains();
  every.activity = feed::synthetic::activity::every_second;
  std::map<std::uint32_t, market::tick> now;
  for (const auto& e : events_of(every, at, at + second)) now.emplace(e.tick.token, e.tick);
  const auto options = options_on(market::make_date(2026, 11, 18));
  REQUIRE(now.size() == options.size() + 4);
  for (std::size_t n = 0; n < options.size(); n += 2) {
    const auto& call = options[n];
    const auto& put = options[n + 1];
    REQUIRE(call.strike == put.strike);
    const auto c = quote_of(now.at(call.token));
    const auto p = quote_of(now.at(put.token));
    const auto terms = g.true_value(call.token, at)->terms;
    const auto parity =
        terms.underlying - terms.strike * std::exp(-feed::synthetic::option_rate * terms.years);
    CHECK(std::abs(c.mid() - p.mid() - parity) <= c.half_spread() + p.half_spread() + 1e-9);
  }
}

TEST_CASE("the implied volatility of a mid is the true one as far as the spread allows") {
  const auto g = generator(with_chains());
  int checked = 0;
  for (const auto& [at, t] : some_option_ticks()) {
    const auto truth = *g.true_value(t.token, t.exchange_time);
    auto terms = truth.terms;
    terms.underlying *= std::exp(terms.rate * terms.years);
    const auto q = quote_of(t);
    const auto least = option::implied_volatility(option::pricing::black76, terms, q.bid);
    const auto most = option::implied_volatility(option::pricing::black76, terms, q.ask);
    const auto mid = option::implied_volatility(option::pricing::black76, terms, q.mid());
    if (least.is != option::state::ok || mid.is != option::state::ok) continue;
    ++checked;
    REQUIRE(least.volatility <= truth.volatility + 1e-9);
    REQUIRE(truth.volatility <= most.volatility + 1e-9);
    const auto vega = option::value(option::pricing::black76, terms, truth.volatility).vega * 100;
    if (q.half_spread() < 0.01 * vega) {
      REQUIRE(std::abs(mid.volatility - truth.volatility) <= 1.2 * q.half_spread() / vega);
    }
  }
  CHECK(checked > static_cast<int>(some_option_ticks().size() * 3 / 4));
}

TEST_CASE("true volatility is a smile that moves slowly, and prices have no arbitrage") {
  const auto g = generator(with_chains());
  const auto day = market::make_date(2026, 11, 18);
  const auto at = open_of(day) + 100 * minute;
  const auto options = options_on(day);
  for (std::size_t n = 0; n + 4 < options.size(); n += 2) {
    const auto low = *g.true_value(options[n].token, at);
    CHECK(low.volatility >= 0.05);
    CHECK(low.volatility <= 1.5);
    CHECK(g.true_value(options[n + 1].token, at)->volatility == low.volatility);
    const auto later = *g.true_value(options[n].token, at + minute);
    CHECK(std::abs(later.volatility / low.volatility - 1) < 0.02);
    if (options[n].expiry != options[n + 4].expiry || options[n].name != options[n + 4].name)
      continue;
    const auto middle = *g.true_value(options[n + 2].token, at);
    const auto high = *g.true_value(options[n + 4].token, at);
    CHECK(std::abs(middle.volatility - low.volatility) < 0.05);
    CHECK(low.price > middle.price);
    CHECK(low.price + high.price > 2 * middle.price);
  }
  // Out-of-the-money puts of the index are dearer than calls.
  CHECK(g.true_value(options[1].token, at)->volatility >
        g.true_value(options[40].token, at)->volatility);
}

TEST_CASE("options tick to the last second of their last day, and never after it") {
  const auto monday = market::make_date(2026, 11, 23);
  const auto close = calendar("NFO")->day(monday).sessions.back().close;
  auto o = with_chains();
  o.activity = feed::synthetic::activity::every_second;
  std::set<std::uint32_t> expiring;
  for (const auto& i : options_on(monday)) {
    if (i.expiry == monday) expiring.insert(i.token);
  }
  REQUIRE(expiring.size() == 21 * 2 + 2 * 11 * 2);
  auto g = generator(o);
  const auto last_second = close - second;
  // Tuesday is a holiday.
  const auto morning_after = open_of(market::make_date(2026, 11, 25)) + minute;
  std::size_t ticked = 0;
  for (const auto& [at, t] : events_of(o, last_second, morning_after)) {
    if (!expiring.contains(t.token)) continue;
    ++ticked;
    REQUIRE(t.exchange_time == last_second);
    const auto terms = g.true_value(t.token, last_second)->terms;
    const auto intrinsic =
        std::max(0.0, static_cast<double>(terms.type) * (terms.underlying - terms.strike));
    const auto q = quote_of(t);
    // A second is worth 1.8e-4 of the root of a year: a few paise per 100 rupees of the underlying.
    CHECK(std::abs(q.mid() - intrinsic) <= q.half_spread() + 4e-5 * terms.underlying);
  }
  CHECK(ticked == expiring.size());
  g.seek(morning_after);
  for (const auto token : expiring) {
    CHECK_FALSE(g.true_value(token, close));
    CHECK_FALSE(g.last(token));
  }
}

TEST_CASE("options near the money tick every second or two and carry the open interest") {
  const auto day = market::make_date(2026, 11, 18);
  const auto options = options_on(day);
  const auto from = open_of(day) + 30 * minute;
  std::map<std::uint32_t, int> ticks;
  std::map<std::uint32_t, market::tick> last;
  for (const auto& e : events_of(with_chains(), from, from + 20 * minute)) {
    ++ticks[e.tick.token];
    last[e.tick.token] = e.tick;
  }
  CHECK(ticks[options[20].token] > 600);  // of 1200 seconds
  CHECK(ticks[options[0].token] < 120);
  CHECK(ticks[options[0].token] > 20);
  CHECK(last[options[20].token].oi > last[options[0].token].oi);
  CHECK(last[options[20].token].volume > last[options[0].token].volume);
}

TEST_CASE("seeking through a day of 150 instruments with chains is quick") {
  auto g = generator(with_chains(150));
  const auto start = std::chrono::steady_clock::now();
  g.seek(open_of(friday) + 6 * market::hour + 24 * minute);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));  // 180 ms optimised
}

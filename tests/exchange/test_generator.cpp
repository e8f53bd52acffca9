#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <doctest/doctest.h>

#include "feed/kite/codec.hpp"
#include "feed/recording/hex_frames.hpp"
#include "feed/recording/tick_csv.hpp"
#include "tests/exchange/fixtures.hpp"
#include "tests/support/places.hpp"

using namespace artham;
using namespace artham::exchange::test;
using feed::synthetic::event;
using market::minute;
using market::second;

namespace {

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

std::vector<event> events_between(feed::synthetic::options o, market::timestamp from,
                                  market::timestamp to) {
  auto g = generator(o);
  g.seek(from);
  std::vector<event> out;
  g.step(to, out);
  return out;
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("the same seed gives the same bytes, another seed others") {
  const auto open = open_of(friday);
  const auto first = bytes_of(events_between({7, 60}, open, open + 5 * minute));
  CHECK(first == bytes_of(events_between({7, 60}, open, open + 5 * minute)));
  CHECK(first != bytes_of(events_between({8, 60}, open, open + 5 * minute)));
}

TEST_CASE("seeking gives what running there would have given") {
  const auto open = open_of(friday);
  for (const auto into : {market::timestamp{1}, 90 * second + 130 * market::millisecond,
                          2 * market::hour, 30 * market::hour, 74 * market::hour}) {
    auto ran = generator({3, 6});
    ran.seek(open);
    std::vector<event> passed;
    ran.step(open + into, passed);
    auto sought = generator({3, 6});
    sought.seek(open + into);
    for (const auto& i : ran.instruments(friday)) {
      if (into < market::day) {
        CHECK(ran.last(i.token) == sought.last(i.token));
      }
    }
    std::vector<event> after_run;
    std::vector<event> after_seek;
    ran.step(open + into + 2 * minute, after_run);
    sought.step(open + into + 2 * minute, after_seek);
    CHECK(bytes_of(after_run) == bytes_of(after_seek));
    sought.seek(open);
    std::vector<event> again;
    sought.step(open + into, again);
    CHECK(bytes_of(passed) == bytes_of(again));
  }
}

TEST_CASE("ticks come in order, in sessions, and add up") {
  struct seen {
    market::tick tick;
    int ticks = 0;
    int trades = 0;
  };
  const auto events = events_between({1, 150}, open_of(friday), open_of(friday) + market::day);
  const auto nse = calendar("NSE");
  const auto nfo = calendar("NFO");
  std::map<std::uint32_t, seen> by_token;
  std::pair<market::timestamp, std::uint32_t> before{};
  for (const auto& e : events) {
    const auto& t = e.tick;
    const std::pair now{e.at, t.token};
    REQUIRE(before < now);
    before = now;
    REQUIRE(t.exchange_time % second == 0);
    REQUIRE(e.at >= t.exchange_time);
    REQUIRE(e.at < t.exchange_time + second);
    REQUIRE(((t.token & 0xff) == 2 ? nfo : nse)->session_at(t.exchange_time));
    auto& last = by_token[t.token];
    REQUIRE(t.exchange_time > last.tick.exchange_time);
    REQUIRE(t.low <= t.last);
    REQUIRE(t.last <= t.high);
    if (t.mode == market::tick_mode::full) {
      const bool traded = t.volume > last.tick.volume;
      REQUIRE(t.volume >= last.tick.volume);
      REQUIRE(traded == (t.last_trade_time == t.exchange_time));
      REQUIRE((traded ? t.volume - last.tick.volume >= t.last_quantity
                      : t.last == last.tick.last && t.average == last.tick.average));
      REQUIRE(t.low <= t.average);
      REQUIRE(t.average <= t.high);
      REQUIRE(t.bids[0].px < t.offers[0].px);
      bool levels_in_order = true;
      for (std::size_t n = 1; n < 5; ++n) {
        levels_in_order = levels_in_order && t.bids[n].px < t.bids[n - 1].px &&
                          t.offers[n].px > t.offers[n - 1].px;
      }
      REQUIRE(levels_in_order);
      REQUIRE(((t.token & 0xff) == 2) == (t.oi != 0));
      last.trades += traded;
    }
    ++last.ticks;
    last.tick = t;
  }
  // 2026-11-20 trades 09:15 to 15:30, futures to 15:40.
  REQUIRE(by_token.size() == 150);
  const auto list = generator({1, 150}).instruments(friday);
  const auto index_ticks = by_token[list[0].token].ticks;
  CHECK(index_ticks > 18'000);
  CHECK(index_ticks < 22'500);
  CHECK(by_token[list[1].token].tick.exchange_time > nse->day(friday).sessions[0].close);
  const auto& liquid = by_token[list[2].token];
  CHECK(liquid.ticks > 18'000);
  CHECK(liquid.trades > liquid.ticks * 45 / 100);
  CHECK(liquid.trades < liquid.ticks * 60 / 100);
  CHECK(by_token[list[149].token].ticks < 22'500 / 60);
}

TEST_CASE("a weekend passes without ticks and the next day starts anew") {
  auto g = generator({1, 20});
  g.seek(calendar("NFO")->day(friday).sessions[0].close + 10 * second);
  const auto monday = market::date{friday.days + 3};
  const auto next = g.next_at();
  REQUIRE(next);
  CHECK(*next >= open_of(monday));
  CHECK(*next < open_of(monday) + 2 * second);
  const auto list = g.instruments(monday);
  CHECK_FALSE(g.last(list[0].token));
  std::vector<event> out;
  g.step(*next + 10 * second, out);
  CHECK(g.last(list[1].token)->volume < 100'000);
}

TEST_CASE("instruments are distinct and named like Kite's") {
  auto list = generator({1, 9'000}).instruments(friday);
  CHECK(list[0].segment == "INDICES");
  CHECK((list[0].token & 0xff) == 9);
  CHECK(list[1].symbol == "NIFTY26NOVFUT");
  CHECK(list[1].exchange == "NFO");
  CHECK(market::to_string(list[1].expiry) == "2026-11-24");
  std::set<std::uint32_t> tokens;
  std::set<std::string> symbols;
  for (const auto& i : list) {
    tokens.insert(i.token);
    symbols.insert(i.symbol);
  }
  CHECK(tokens.size() == 9'000);
  CHECK(symbols.size() == 9'000);
  CHECK(market::parse_instruments(market::write_instruments(list)) == list);
}

TEST_CASE("activity every_second ticks each instrument every second") {
  const auto open = open_of(friday);
  const auto events =
      events_between({1, 50, feed::synthetic::activity::every_second}, open, open + 10 * second);
  CHECK(events.size() == 500);
}

TEST_CASE("a market without instruments or calendars is refused") {
  using feed::synthetic::generator;
  CHECK(generator::make({1, 0}, calendar("NSE"), calendar("NFO")).error().code == errc::bad_input);
  CHECK(generator::make({1, 5}, nullptr, calendar("NFO")).error().code == errc::usage);
}

TEST_CASE("seeking six hours into 150 instruments is quick") {
  auto g = generator({1, 150});
  const auto start = std::chrono::steady_clock::now();
  g.seek(open_of(friday) + 6 * market::hour);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));  // 27 ms optimised
}

// Other tests play these files; they also show that every machine makes the same bytes.
// ARTHAM_UPDATE_DATA=1 writes them anew.
TEST_CASE("the stored recordings are what the generator makes today") {
  auto g = generator({2026, 8});
  const auto start = open_of(friday) + 90 * minute;
  g.seek(start);
  std::vector<event> events;
  g.step(start + 40 * second, events);

  std::string hex;
  feed::kite::frame_builder frame;
  for (std::size_t n = 0; n < events.size(); ++n) {
    REQUIRE(frame.add(events[n].tick));
    if (n + 1 == events.size() || events[n + 1].at != events[n].at) {
      feed::recording::append_hex_line(hex, frame.finish());
    }
  }

  feed::recording::column_set columns;
  columns.set();
  columns.reset(feed::recording::index_of(feed::recording::column::receive_timestamp));
  std::string csv;
  feed::recording::append_csv_header(csv, columns);
  for (const auto& e : events) {
    feed::recording::tick_row row;
    row.tick = e.tick;
    row.present = columns;
    if (e.tick.mode == market::tick_mode::index_full) {
      row.present.reset();
      using feed::recording::column;
      for (const auto c : {column::exchange_timestamp, column::instrument_token, column::last_price,
                           column::open, column::high, column::low, column::close}) {
        row.present.set(feed::recording::index_of(c));
      }
    }
    feed::recording::append_csv_row(csv, row, columns);
  }

  const std::string folder = artham::test::source_dir() + "/tests/data/synthetic/";
  if (std::getenv("ARTHAM_UPDATE_DATA") != nullptr) {
    std::ofstream(folder + "market_8.hex", std::ios::binary) << hex;
    std::ofstream(folder + "market_8.csv", std::ios::binary) << csv;
  }
  CHECK(file_text(folder + "market_8.hex") == hex);
  CHECK(file_text(folder + "market_8.csv") == csv);
}

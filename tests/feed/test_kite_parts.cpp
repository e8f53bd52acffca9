#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <type_traits>

#include "feed/kite/backoff.hpp"
#include "feed/kite/endpoint.hpp"
#include "feed/kite/interval_clock.hpp"
#include "feed/kite/subscription_book.hpp"
#include "feed/kite/text_frame.hpp"
#include "runtime/secret.hpp"

using namespace artham;
using namespace artham::feed::kite;
using market::tick_mode;
using runtime::secret;
using std::chrono::milliseconds;

template <class T>
concept printable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(!printable<secret>);
static_assert(!std::is_convertible_v<secret, std::string>);

TEST_CASE("the back-off doubles from its minimum to its maximum and starts over after a reset") {
  backoff waits({.min = milliseconds(2000), .max = milliseconds(60000), .jitter_percent = 0}, 1);
  for (int round = 0; round < 2; ++round) {
    for (const int expected : {2000, 4000, 8000, 16000, 32000, 60000, 60000}) {
      CHECK(waits.next() == milliseconds(expected));
    }
    waits.reset();
  }
}

TEST_CASE("jitter lengthens a wait by at most its share and never beyond the maximum") {
  std::vector<milliseconds> firsts;
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    backoff waits({.jitter_percent = 20}, seed * 2654435761U);
    auto base = 2000;
    firsts.push_back(waits.next());
    CHECK(firsts.back() >= milliseconds(2000));
    CHECK(firsts.back() <= milliseconds(2400));
    for (int i = 0; i < 6; ++i) {
      base = std::min(60000, base * 2);
      const auto wait = waits.next();
      CHECK(wait >= milliseconds(base));
      CHECK(wait <= milliseconds(std::min(60000, base * 12 / 10)));
    }
  }
  std::ranges::sort(firsts);
  CHECK(firsts.front() != firsts.back());
}

TEST_CASE("URLs become endpoints") {
  const auto kite = parse_endpoint("wss://ws.kite.trade", "ws", "wss");
  REQUIRE(kite);
  CHECK(kite->tls);
  CHECK(kite->host == "ws.kite.trade");
  CHECK(kite->port == 443);
  CHECK(kite->path.empty());
  CHECK(kite->authority() == "ws.kite.trade");
  CHECK_FALSE(kite->is_address());

  const auto local = parse_endpoint("ws://127.0.0.1:9001/kite/ws/", "ws", "wss");
  REQUIRE(local);
  CHECK_FALSE(local->tls);
  CHECK(local->port == 9001);
  CHECK(local->path == "/kite/ws");
  CHECK(local->authority() == "127.0.0.1:9001");
  CHECK(local->is_address());

  const auto six = parse_endpoint("https://[::1]:8443", "http", "https");
  REQUIRE(six);
  CHECK(six->host == "::1");
  CHECK(six->authority() == "[::1]:8443");
}

TEST_CASE("URLs that cannot be used are refused, without repeating a secret in them") {
  for (const std::string url : {"", "kite", "http://host", "ws://", "ws://host:0",
                                "ws://host:99999", "ws://ho st", "ws:host"}) {
    CAPTURE(url);
    CHECK_FALSE(parse_endpoint(url, "ws", "wss"));
  }
  for (const auto* url : {"wss://user:hunter2@host", "wss://host/?access_token=hunter2"}) {
    const auto parsed = parse_endpoint(url, "ws", "wss");
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("parameters are percent-encoded") {
  CHECK(encode_parameters({{"a", "M&M"}, {"b c", "x+y=z/\xE2\x82\xB9"}, {"d", ""}}) ==
        "a=M%26M&b%20c=x%2By%3Dz%2F%E2%82%B9&d=");
  CHECK(encode_parameters({}).empty());
}

TEST_CASE("an interval clock announces every multiple once, in order, and never goes back") {
  interval_clock clock(250);
  std::vector<market::timestamp> seen;
  const auto at = [&](market::timestamp now) {
    seen.clear();
    clock.advance(now, [&](market::timestamp t) { seen.push_back(t); });
    return seen;
  };
  using list = std::vector<market::timestamp>;
  CHECK(at(10'100) == list{10'000});
  CHECK(at(10'249) == list{});
  CHECK(at(10'250) == list{10'250});
  CHECK(at(11'000) == list{10'500, 10'750, 11'000});
  CHECK(at(5'000) == list{});
  CHECK(at(11'249) == list{});
  CHECK(at(11'251) == list{11'250});
  CHECK(clock.until_next(11'251) == 249);
  // A laptop that slept for a long time.
  at(1'000'000'000);
  CHECK(seen.size() == interval_clock::max_missed);
  CHECK(seen.back() == 1'000'000'000);
}

TEST_CASE("a plan subscribes in chunks, then sets the modes in chunks") {
  const auto plan =
      plan_update({}, {{1, tick_mode::full}, {2, tick_mode::ltp}, {3, tick_mode::full}}, 2);
  CHECK(plan.messages == std::vector<std::string>{R"({"a":"subscribe","v":[1,2]})",
                                                  R"({"a":"subscribe","v":[3]})",
                                                  R"({"a":"mode","v":["ltp",[2]]})",
                                                  R"({"a":"mode","v":["full",[1,3]]})"});
  REQUIRE(plan.changes.size() == 2);
  CHECK(plan.changes[1].mode == tick_mode::full);
  CHECK(plan.changes[1].added);
  CHECK(plan.changes[1].tokens == std::vector<std::uint32_t>{1, 3});
}

TEST_CASE("a plan sends only the difference") {
  const subscriptions sent{{1, tick_mode::full}, {2, tick_mode::ltp}, {3, tick_mode::quote}};
  CHECK(plan_update(sent, sent, 500).messages.empty());
  CHECK(plan_update(sent, sent, 500).changes.empty());
  CHECK(plan_update({}, {}, 500).messages.empty());

  const auto plan =
      plan_update(sent, {{1, tick_mode::full}, {3, tick_mode::full}, {4, tick_mode::quote}}, 500);
  CHECK(plan.messages == std::vector<std::string>{R"({"a":"unsubscribe","v":[2]})",
                                                  R"({"a":"subscribe","v":[4]})",
                                                  R"({"a":"mode","v":["quote",[4]]})",
                                                  R"({"a":"mode","v":["full",[3]]})"});
  REQUIRE(plan.changes.size() == 3);
  CHECK_FALSE(plan.changes[0].added);
  CHECK(plan.changes[0].mode == tick_mode::ltp);
}

TEST_CASE("the book refuses more tokens than the peer takes, as a whole, naming the limit") {
  subscription_book book(1, 3);
  const std::vector<std::uint32_t> two{1, 2, 2};
  REQUIRE(book.add(two, tick_mode::quote));
  const std::vector<std::uint32_t> more{2, 3, 4};
  const auto refused = book.add(more, tick_mode::full);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("limit is 3") != std::string::npos);
  CHECK(book.wanted(0) == subscriptions{{1, tick_mode::quote}, {2, tick_mode::quote}});
  book.remove(two);
  REQUIRE(book.add(more, tick_mode::index_full));
  CHECK(book.wanted(0).at(4) == tick_mode::full);
}

namespace {

std::vector<std::uint32_t> numbers(std::uint32_t from, std::uint32_t to) {
  std::vector<std::uint32_t> all(to - from);
  std::iota(all.begin(), all.end(), from);
  return all;
}

std::vector<std::size_t> sizes(const subscription_book& book) {
  std::vector<std::size_t> all;
  for (std::size_t c = 0; c < book.opened(); ++c) all.push_back(book.wanted(c).size());
  return all;
}

/// Where each token is.
std::map<std::uint32_t, std::size_t> places(const subscription_book& book) {
  std::map<std::uint32_t, std::size_t> all;
  for (std::size_t c = 0; c < book.opened(); ++c) {
    for (const auto& entry : book.wanted(c)) CHECK(all.emplace(entry.first, c).second);
  }
  return all;
}

}  // namespace

TEST_CASE("connections are opened as tokens need them, and new tokens go to the emptiest") {
  subscription_book book(4, 100);
  CHECK(book.opened() == 1);
  REQUIRE(book.add(numbers(0, 100), tick_mode::full));
  CHECK(sizes(book) == std::vector<std::size_t>{100});
  REQUIRE(book.add(numbers(100, 101), tick_mode::full));
  CHECK(sizes(book) == std::vector<std::size_t>{100, 1});
  REQUIRE(book.add(numbers(101, 300), tick_mode::full));
  CHECK(sizes(book) == std::vector<std::size_t>{100, 100, 100});
  book.remove(numbers(10, 60));
  REQUIRE(book.add(numbers(300, 330), tick_mode::full));
  CHECK(sizes(book) == std::vector<std::size_t>{80, 100, 100});
  REQUIRE(book.add(numbers(330, 420), tick_mode::full));
  CHECK(sizes(book) == std::vector<std::size_t>{85, 100, 100, 85});

  subscription_book many(3, 3'000);
  REQUIRE(many.add(numbers(0, 7'000), tick_mode::full));
  CHECK(sizes(many) == std::vector<std::size_t>{2'334, 2'333, 2'333});
}

TEST_CASE(
    "a token stays where it is while it is wanted, whatever comes, goes or changes its mode") {
  subscription_book book(3, 50);
  REQUIRE(book.add(numbers(0, 120), tick_mode::quote));
  const auto before = places(book);
  book.remove(numbers(0, 30));
  REQUIRE(book.add(numbers(200, 220), tick_mode::quote));
  REQUIRE(book.add(numbers(20, 60), tick_mode::full));
  const auto after = places(book);
  for (std::uint32_t token = 30; token < 120; ++token) CHECK(after.at(token) == before.at(token));
  CHECK(book.wanted(after.at(45)).at(45) == tick_mode::full);
  CHECK(book.wanted(after.at(70)).at(70) == tick_mode::quote);
}

TEST_CASE("the limit is that of all connections together, and a refusal changes nothing") {
  subscription_book book(2, 10);
  REQUIRE(book.add(numbers(0, 15), tick_mode::ltp));
  const auto before = places(book);
  const auto refused = book.add(numbers(10, 21), tick_mode::full);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("2 connections, and their limit is 20") != std::string::npos);
  CHECK(places(book) == before);
  CHECK(book.wanted(before.at(12)).at(12) == tick_mode::ltp);
  REQUIRE(book.add(numbers(10, 20), tick_mode::full));
  CHECK(sizes(book) == std::vector<std::size_t>{10, 10});
}

TEST_CASE("connections that are refused get new tokens only when the others are full") {
  subscription_book book(3, 10);
  REQUIRE(book.add(numbers(0, 12), tick_mode::ltp));
  const auto second_only = [](std::size_t c) { return c != 0; };
  REQUIRE(book.add(numbers(100, 104), tick_mode::ltp, second_only));
  CHECK(sizes(book) == std::vector<std::size_t>{6, 10});
  REQUIRE(book.add(numbers(104, 106), tick_mode::ltp, second_only));
  CHECK(sizes(book) == std::vector<std::size_t>{6, 10, 2});
  REQUIRE(book.add(numbers(106, 116), tick_mode::ltp, second_only));
  CHECK(sizes(book) == std::vector<std::size_t>{8, 10, 10});
}

TEST_CASE("text frames are told apart and never throw") {
  CHECK(read_text_frame(R"({"type":"order","data":{"a":1}})").kind == text_kind::notice);
  CHECK(read_text_frame(R"({"type":"error","data":"x"})").type == "error");
  CHECK(read_text_frame(R"({"type":"message","data":{"odd":1}})").kind == text_kind::notice);
  for (const auto* text :
       {"", "hello", "[1,2]", "null", "17", "{", R"({"type":"order"})", R"({"type":7,"data":1})",
        R"({"data":{}})", R"({"type":"order","data":"text"})", R"({"type":"news","data":1})",
        R"({"type":"artham_clock"})", R"({"type":"artham_clock","data":{}})",
        R"({"type":"artham_clock","data":{"market_time_ns":1}})",
        R"({"type":"artham_clock","data":{"market_time_ns":"1x"}})",
        R"({"type":"artham_clock","data":{"market_time_ns":"-5"}})",
        R"({"type":"artham_clock","data":{"market_time_ns":"99999999999999999999"}})",
        "{\"type\":\"order\",\"data\":{\"a\":\"\xff\"}}"}) {
    CAPTURE(std::string(text));
    CHECK(read_text_frame(text).kind == text_kind::ignored);
  }
  CHECK(read_text_frame(std::string(100'000, '[')).kind == text_kind::ignored);
  const std::string padding(max_text_frame, ' ');
  CHECK(read_text_frame(padding + R"({"type":"error","data":"x"})").kind == text_kind::ignored);
  const auto clock =
      read_text_frame(R"({"type":"artham_clock","data":{"market_time_ns":"1763950500000000000"}})");
  CHECK(clock.kind == text_kind::clock);
  CHECK(clock.market_time == 1763950500000000000);
}

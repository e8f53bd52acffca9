#include <doctest/doctest.h>

#include <random>
#include <string>

#include "web/api/replay_request.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using web::read_replay_order;
using web::read_replay_wish;
using op = web::replay_order::op;
using stretch = web::replay_order::stretch;

TEST_CASE("the body that starts a replay is read") {
  const auto w = read_replay_wish(
      R"({"from":"2026-11-20T09:15:00+05:30","to":1795171500000001,"speed":2.5,"paused":true})");
  REQUIRE(w);
  CHECK(market::to_rfc3339(w->from, market::india_offset) == "2026-11-20T09:15:00+05:30");
  CHECK(w->to == 1795171500000001 * market::microsecond);
  CHECK(w->speed == 2500);
  CHECK(w->paused);
  const auto plain = read_replay_wish(R"({"from":0,"to":1,"speed":"max"})");
  REQUIRE(plain);
  CHECK(plain->speed == 0);
  CHECK_FALSE(plain->paused);
  CHECK(read_replay_wish(R"({"from":0,"to":1})")->speed == 1000);
  CHECK(read_replay_wish(R"({"from":0,"to":1,"speed":0.1})")->speed == 100);
  CHECK(read_replay_wish(R"({"from":0,"to":1,"speed":10000})")->speed == 10'000'000);
}

TEST_CASE("what a replay is told is read") {
  CHECK(read_replay_order(R"({"op":"pause"})")->what == op::pause);
  CHECK(read_replay_order(R"({"op":"resume"})")->what == op::resume);
  CHECK(read_replay_order(R"({"op":"stop"})")->what == op::stop);
  CHECK(read_replay_order(R"({"op":"step"})")->by == stretch::clock);
  CHECK(read_replay_order(R"({"op":"step","by":"tick"})")->by == stretch::tick);
  const auto bar = read_replay_order(R"({"op":"step","by":"bar","timeframe":"5m"})");
  REQUIRE(bar);
  CHECK(bar->by == stretch::bar);
  CHECK(market::to_string(bar->timeframe) == "5m");
  CHECK(read_replay_order(R"({"op":"seek","to":7})")->to == 7 * market::microsecond);
  CHECK(read_replay_order(R"({"op":"speed","speed":"max"})")->speed == 0);
}

TEST_CASE("bodies that are none are refused with words, whatever they are") {
  const std::string bodies[] = {
      R"({"from":"2026-11-20T09:15:00+05:30","to":1795171500000001,"speed":2.5,"paused":true})",
      R"({"op":"step","by":"bar","timeframe":"5m"})", R"({"op":"seek","to":9223372036854775807})",
      R"({"op":"speed","speed":1e308})", R"({"from":-1,"to":[{}],"speed":null})"};
  std::mt19937 random(7);
  const auto check = [](const std::string& body) {
    const auto wish = read_replay_wish(body);
    if (wish) {
      CHECK(wish->from < wish->to);
      CHECK(wish->speed <= 10'000'000);
    } else {
      CHECK(!wish.error().message.empty());
    }
    const auto order = read_replay_order(body);
    if (!order) CHECK(!order.error().message.empty());
  };
  for (int i = 0; i < 20'000; ++i) {
    auto body = bodies[random() % std::size(bodies)];
    for (auto n = random() % 4; n-- != 0 && !body.empty();) {
      const auto at = random() % body.size();
      switch (random() % 3) {
        case 0:
          body[at] = static_cast<char>(random());
          break;
        case 1:
          body.erase(at, 1 + random() % 4);
          break;
        default:
          body.insert(at, body.substr(random() % body.size(), 1 + random() % 6));
      }
    }
    check(body);
  }
  check("");
  check(std::string(60'000, '['));
}

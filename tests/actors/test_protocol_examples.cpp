#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "messages/protocol/binary.hpp"
#include "tests/actors/gateway_world.hpp"
#include "tests/actors/protocol_examples.hpp"
#include "tests/support/places.hpp"
#include "tests/support/process.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using test::gateway_world;

TEST_CASE("the examples of docs/protocol.md are what the gateway says") {
  test::world_parts parts;
  parts.ask_system = [](const std::function<void(std::string)>& done) {
    done(
        R"("nodes":[],"restarts":0,"store":{"lag":0,"waiting":0,"refused":0},"streams":{"lag":0})");
  };
  gateway_world g("1m 5m", {}, parts);
  const auto c = g.connect();
  const auto all = test::protocol_examples(false);
  REQUIRE(all.size() == 8);
  std::string token;
  for (const auto& e : all) {
    CAPTURE(e.command);
    auto command = e.command;
    if (const auto at = command.find("TOKEN"); at != std::string::npos)
      command.replace(at, 5, token);
    const auto id = json::parse(command)["id"].get<int>();
    caf::anon_send(c.session, messages::command_atom_v, command);
    const auto told = c.socket->reply(id);
    test::check_like(told, json::parse(e.answer), "answer");
    if (told.contains("token")) token = told["token"];
  }
}

TEST_CASE("a Python program of a few lines reads binary messages as docs/protocol.md gives them") {
  market::tick t;
  t.mode = market::tick_mode::full;
  t.last = {1'500'050'000'000};
  t.exchange_time = 7;
  t.last_quantity = 11;
  t.average = {12};
  t.volume = 13;
  t.buy_quantity = 14;
  t.sell_quantity = 15;
  t.open = {16};
  t.high = {17};
  t.low = {18};
  t.close = {19};
  t.last_trade_time = 20;
  t.oi = 21;
  t.oi_day_high = 22;
  t.oi_day_low = 23;
  for (std::uint32_t i = 0; i < 5; ++i) {
    t.bids[i] = {{100 + i}, 200 + i, 300 + i};
    t.offers[i] = {{400 + i}, 500 + i, 600 + i};
  }
  auto b = gateway_world::bar(408065, 3, 2);
  b.flags = 1;
  b.fields = market::bar::volume_known;
  b.volume = 99;
  const protocol::message_times times{1, 2, 3};
  std::string tick;
  protocol::append_binary_header(tick, protocol::binary_kind::tick, true, 1ULL << 60U, &times);
  protocol::append_binary_tick(tick, t, 8);
  CHECK(tick.size() == 16 + 24 + 296);
  std::string bar;
  protocol::append_binary_header(bar, protocol::binary_kind::bar, false, 5, nullptr);
  protocol::append_binary_bar(bar, b);
  CHECK(bar.size() == 16 + 96);
  const auto hex = [](const std::string& bytes) {
    std::string out;
    for (const char c : bytes) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += digits[static_cast<std::uint8_t>(c) >> 4U];
      out += digits[static_cast<std::uint8_t>(c) & 15U];
    }
    return out;
  };
  test::process python(
      {"/usr/bin/python3", "-c",
       "import sys, json; sys.path.insert(0, sys.argv[1]); import stream_client\n"
       "for m in sys.argv[2:]: print(json.dumps(stream_client.decode(bytes.fromhex(m))))",
       test::source_dir() + "/docs/examples", hex(tick), hex(bar)});
  const auto first = json::parse(python.line().value_or("null"));
  const auto second = json::parse(python.line().value_or("null"));
  REQUIRE(first.is_array());
  CHECK(first[0] == "tick");
  CHECK(first[1] == 1ULL << 60U);
  CHECK(first[2] == true);
  const json expected_tick = {
      {"t_ex", 7},
      {"t_rx", 8},
      {"t_tx", 3},
      {"last", 1'500'050'000'000},
      {"open", 16},
      {"high", 17},
      {"low", 18},
      {"close", 19},
      {"last_quantity", 11},
      {"average", 12},
      {"volume", 13},
      {"buy_quantity", 14},
      {"sell_quantity", 15},
      {"t_trade", 20},
      {"oi", 21},
      {"oi_day_high", 22},
      {"oi_day_low", 23},
      {"bids",
       {{100, 200, 300}, {101, 201, 301}, {102, 202, 302}, {103, 203, 303}, {104, 204, 304}}},
      {"offers",
       {{400, 500, 600}, {401, 501, 601}, {402, 502, 602}, {403, 503, 603}, {404, 504, 604}}}};
  CHECK(first[3] == expected_tick);
  CHECK(second[0] == "bar");
  CHECK(second[1] == 5);
  CHECK(second[2] == false);
  CHECK(second[3]["start"] == 3 * market::minute);
  CHECK(second[3]["close"] == 1'503 * market::price_scale);
  CHECK(second[3]["revision"] == 2);
  CHECK(second[3]["flags"] == 1);
  CHECK(second[3]["volume"] == 99);
  CHECK(second[3]["ticks"] == 2);
}

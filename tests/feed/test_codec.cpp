#include "feed/kite/codec.hpp"

#include <doctest/doctest.h>

#include "tests/feed/codec_samples.hpp"

using namespace artham;
using namespace artham::feed::kite;
using artham::market::tick;
using artham::market::tick_mode;

namespace {

std::string encoded(const tick& t) {
  std::string out;
  const auto done = encode_packet(out, t);
  REQUIRE(done);
  return out;
}

std::string refusal(const tick& t) {
  std::string out = "before";
  const auto done = encode_packet(out, t);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == errc::bad_input);
  CHECK(out == "before");
  return done.error().message;
}

std::vector<std::string> packets_of(std::string_view frame, walk_result& walked) {
  std::vector<std::string> out;
  walked = for_each_packet(frame, [&](std::string_view p) { out.emplace_back(p); });
  return out;
}

}  // namespace

TEST_CASE("a tick of every mode comes back as it was, and its length is its mode's") {
  for (const auto& t : test::sample_of_every_mode()) {
    const auto bytes = encoded(t);
    CHECK(bytes.size() == packet_size(t.mode));
    CHECK(mode_of(bytes.size()) == t.mode);
    const auto back = decode_packet(bytes);
    REQUIRE(back);
    CHECK(*back == t);
  }
}

TEST_CASE("prices scale by the divisor of the token's segment") {
  const auto price_of = [](std::uint32_t token, std::uint32_t raw) {
    return market::to_string(decode_packet(test::be32(token) + test::be32(raw))->last);
  };
  CHECK(price_of(408'065, 157'315) == "1573.15");               // NSE
  CHECK(price_of(412'675, 728'425'000) == "72.8425");           // CDS: 10,000,000
  CHECK(price_of(296'960'262, 832'575) == "83.2575");           // BCD: 10,000
  CHECK(price_of(31'132'428, 3'782'000) == "378.2");            // NCO: 10,000
  CHECK(price_of(53'253'383, 2'424'320) == "24243.2");          // MCX
  CHECK(price_of(0x0000010d, 4'294'967'295) == "42949672.95");  // unknown segment: 100, unsigned
}

TEST_CASE("an index packet is high, low, open, close, then the change in raw units") {
  const auto bytes = encoded(test::sample_index(tick_mode::index_full));
  CHECK(bytes == test::be32(256'265) + test::be32(2'576'955) + test::be32(2'588'530) +
                     test::be32(2'576'300) + test::be32(2'587'335) + test::be32(2'581'935) +
                     test::be32(static_cast<std::uint32_t>(-4'980)) + test::be32(1'771'476'196));
}

TEST_CASE("zero times and empty levels are none") {
  auto t = test::sample_full();
  t.last_trade_time = t.exchange_time = 0;
  t.bids = {};
  const auto back = decode_packet(encoded(t));
  REQUIRE(back);
  CHECK(back->exchange_time == 0);
  CHECK(back->last_trade_time == 0);
  CHECK(back->bids[0].px == market::price{});
}

TEST_CASE("the padding of a depth level is not read and is written as zero") {
  auto bytes = encoded(test::sample_full());
  auto padded = bytes;
  padded[64 + 10] = 0x7f;
  padded[183] = 0x7f;
  const auto back = decode_packet(padded);
  REQUIRE(back);
  CHECK(encoded(*back) == bytes);
}

TEST_CASE("a tick that held another mode keeps nothing of it") {
  tick t = test::sample_full();
  REQUIRE(decode_packet(encoded(test::sample_ltp()), t));
  CHECK(t == test::sample_ltp());
  REQUIRE(decode_packet(encoded(test::sample_index(tick_mode::index_quote)), t));
  CHECK(t == test::sample_index(tick_mode::index_quote));
}

TEST_CASE("lengths that v3 does not define decode to nothing") {
  tick untouched = test::sample_ltp();
  for (std::size_t n = 0; n <= 200; ++n) {
    if (mode_of(n)) {
      continue;
    }
    const std::string bytes(n, 'x');
    CHECK_FALSE(decode_packet(bytes));
    CHECK_FALSE(decode_packet(bytes, untouched));
  }
  CHECK(untouched == test::sample_ltp());
}

TEST_CASE("encoding refuses what the wire cannot carry and names the field") {
  auto t = test::sample_full();
  SUBCASE("part of a second") {
    t.exchange_time += 250 * market::millisecond;
    CHECK(refusal(t) ==
          "instrument 408065: exchange_timestamp 1612777255250000000 ns is no whole second, which "
          "its Kite packet cannot carry");
  }
  SUBCASE("part of a second in a trade's time") {
    t.last_trade_time += 1;
    CHECK(refusal(t).find("last_trade_time") != std::string::npos);
  }
  SUBCASE("a time after 2106") {
    t.exchange_time = 4'294'967'296 * market::second;
    CHECK(refusal(t).find("exchange_timestamp") != std::string::npos);
  }
  SUBCASE("part of a paisa") {
    t.last.units += 1'000'000;
    CHECK(refusal(t) ==
          "instrument 408065: last_price 1299.051 is no multiple of 0.01, which its "
          "Kite packet cannot carry");
  }
  SUBCASE("a price above 32 bits") {
    t.high = test::rupees(42'949'672, 96);
    CHECK(refusal(t).find("high 42949672.96 is outside 0..42949672.95") != std::string::npos);
  }
  SUBCASE("a negative price") {
    t.average = {-10'000'000};
    CHECK(refusal(t).find("average_traded_price -0.01") != std::string::npos);
  }
  SUBCASE("a quantity above 32 bits") {
    t.volume = 4'294'967'296;
    CHECK(refusal(t).find("volume_traded 4294967296 is outside 0..4294967295") !=
          std::string::npos);
  }
  SUBCASE("a negative quantity") {
    t.oi = -1;
    CHECK(refusal(t).find("oi -1") != std::string::npos);
  }
  SUBCASE("more orders than 16 bits hold") {
    t.offers[3].orders = 65'536;
    CHECK(refusal(t).find("depth_sell_3_orders 65536 is above 65535") != std::string::npos);
  }
  SUBCASE("a level's price") {
    t.bids[4].px.units += 1;
    CHECK(refusal(t).find("depth_buy_4_price 1295.000000001") != std::string::npos);
  }
  SUBCASE("a change of an index out of signed 32 bits") {
    t = test::sample_index(tick_mode::index_quote);
    t.last = test::rupees(30'000'000);
    CHECK(refusal(t).find("change") != std::string::npos);
  }
  SUBCASE("but a field that the mode leaves out may be anything") {
    t = test::sample_ltp();
    t.volume = -1;
    t.exchange_time = 1;
    CHECK(encoded(t) == encoded(test::sample_ltp()));
  }
}

TEST_CASE("a frame gives its packets, whatever their length") {
  walk_result walked;
  const std::vector<std::string> packets{"12345678", "", std::string(300, 'x'), "123"};
  CHECK(packets_of(test::frame_of(packets), walked) == packets);
  CHECK(walked.packets == 4);
  CHECK_FALSE(walked.truncated);
}

TEST_CASE("heartbeats, empty frames and frames of no packets are nothing, and no error") {
  for (const std::string& frame : {std::string(), std::string(1, '\0'), std::string(2, '\0')}) {
    walk_result walked;
    CHECK(packets_of(frame, walked).empty());
    CHECK(walked.packets == 0);
    CHECK_FALSE(walked.truncated);
  }
}

TEST_CASE("a frame cut at any byte keeps its whole packets and is told to be truncated") {
  const std::vector<std::string> packets{"12345678", std::string(44, 'q'), std::string(12, 'u')};
  const std::string frame = test::frame_of(packets);
  for (std::size_t n = 2; n < frame.size(); ++n) {
    const std::string cut(frame, 0, n);
    walk_result walked;
    const auto got = packets_of(cut, walked);
    const std::size_t whole = n < 12 ? 0 : n < 58 ? 1 : 2;
    CHECK(got == std::vector<std::string>(packets.begin(), packets.begin() + whole));
    CHECK(walked.packets == whole);
    CHECK(walked.truncated);
  }
}

TEST_CASE("bytes behind the last packet are ignored") {
  walk_result walked;
  CHECK(packets_of(test::frame_of({"12345678"}) + "rest", walked).size() == 1);
  CHECK_FALSE(walked.truncated);
}

TEST_CASE("a frame builder makes frames that decode to what was added") {
  frame_builder builder;
  const auto ticks = test::sample_of_every_mode();
  for (const auto& t : ticks) {
    REQUIRE(builder.add(t));
  }
  CHECK(builder.packets() == 5);
  const std::size_t size = builder.size();
  const std::string frame = builder.finish();
  CHECK(frame.size() == size);
  std::vector<tick> back;
  for_each_packet(frame, [&](std::string_view p) { back.push_back(*decode_packet(p)); });
  CHECK(back == ticks);
  CHECK(builder.empty());
  CHECK(builder.finish() == std::string(2, '\0'));
}

TEST_CASE("a refused tick leaves the frame as it was") {
  frame_builder builder;
  REQUIRE(builder.add(test::sample_ltp()));
  auto bad = test::sample_full();
  bad.oi = -1;
  CHECK_FALSE(builder.add(bad));
  CHECK_FALSE(builder.add_packet(std::string(65'536, 'x')));
  CHECK(builder.finish() == test::frame_of({encoded(test::sample_ltp())}));
}

TEST_CASE("a frame takes 65,535 packets and refuses one more") {
  frame_builder builder;
  for (std::size_t i = 0; i < max_packets; ++i) {
    REQUIRE(builder.add(test::sample_ltp()));
  }
  CHECK(builder.full());
  const auto more = builder.add(test::sample_ltp());
  REQUIRE_FALSE(more);
  CHECK(more.error().code == errc::full);
  CHECK_FALSE(builder.add_packet("x"));
  walk_result walked;
  CHECK(packets_of(builder.finish(), walked).size() == 65'535);
  CHECK_FALSE(walked.truncated);
  CHECK(builder.add(test::sample_ltp()));
}

TEST_CASE("the newest exchange time of a frame paces it") {
  auto older = test::sample_full();
  older.exchange_time -= 10 * market::second;
  const std::string frame = test::frame_of(
      {encoded(test::sample_full()), encoded(older), encoded(test::sample_quote()), "unknown"});
  CHECK(newest_exchange_time(frame) == test::sample_full().exchange_time);
  CHECK(
      newest_exchange_time(test::frame_of({encoded(test::sample_index(tick_mode::index_full))})) ==
      1'771'476'196 * market::second);
  CHECK(newest_exchange_time(test::frame_of({encoded(test::sample_ltp())})) == 0);
  CHECK(newest_exchange_time("") == 0);
}

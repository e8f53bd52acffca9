#include <doctest/doctest.h>

#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "tests/feed/codec_samples.hpp"

using namespace artham;
using artham::feed::kite::frame_decoder;
using artham::market::bar_input;
using artham::market::tick_mode;

namespace {

std::string encoded(const market::tick& t) {
  std::string out;
  REQUIRE(feed::kite::encode_packet(out, t));
  return out;
}

std::vector<bar_input> inputs_of(const std::string& frame, market::timestamp receive,
                                 market::position first = {3, 100}) {
  std::vector<bar_input> out;
  frame_decoder().bar_inputs(frame, receive, first, out);
  return out;
}

bar_input input_of(const market::tick& t, market::timestamp receive) {
  const auto all = inputs_of(test::frame_of({encoded(t)}), receive);
  REQUIRE(all.size() == 1);
  return all[0];
}

constexpr market::timestamp later = 1'800'000'000 * market::second;

}  // namespace

TEST_CASE("bars see the fields that a packet's mode has, and no others") {
  const auto full = input_of(test::sample_full(), later);
  CHECK(full.token == 408'065);
  CHECK(full.mode == tick_mode::full);
  CHECK(full.last == test::rupees(1299, 5));
  CHECK(full.fields == (bar_input::volume | bar_input::open_interest));
  CHECK(full.volume_or_size == 4'000'000'000);
  CHECK(full.oi == 11);
  CHECK(full.time == 1'612'777'255 * market::second);

  const auto quote = input_of(test::sample_quote(), later);
  CHECK(quote.fields == bar_input::volume);
  CHECK(quote.volume_or_size == 4'000'000'000);
  CHECK(quote.time == later);

  const auto index = input_of(test::sample_index(tick_mode::index_full), later);
  CHECK(index.fields == 0);
  CHECK(index.last == test::rupees(25'769, 55));
  CHECK(index.time == 1'771'476'196 * market::second);

  const auto index_quote = input_of(test::sample_index(tick_mode::index_quote), later);
  CHECK(index_quote.fields == 0);
  CHECK(index_quote.time == later);

  const auto ltp = input_of(test::sample_ltp(), later);
  CHECK(ltp.fields == 0);
  CHECK(ltp.last == test::rupees(1573, 15));
  CHECK(ltp.time == later);
}

TEST_CASE("a full packet without an exchange time gets the receive time") {
  auto t = test::sample_full();
  t.exchange_time = 0;
  CHECK(input_of(t, later).time == later);
}

TEST_CASE("a tick more than five seconds ahead of market time is flagged") {
  const auto t = test::sample_full();
  CHECK((input_of(t, t.exchange_time - 5 * market::second).fields & bar_input::ahead) == 0);
  CHECK((input_of(t, t.exchange_time - 5 * market::second - 1).fields & bar_input::ahead) != 0);
  CHECK((input_of(t, later).fields & bar_input::ahead) == 0);
  const auto index = test::sample_index(tick_mode::index_full);
  CHECK((input_of(index, index.exchange_time - 6 * market::second).fields & bar_input::ahead) != 0);
  CHECK((input_of(test::sample_ltp(), 1).fields & bar_input::ahead) == 0);
}

TEST_CASE("every whole packet takes a position, known or not") {
  const std::string ltp = encoded(test::sample_ltp());
  const auto frame = test::frame_of({ltp, "unknown", ltp, "", encoded(test::sample_full())});
  const auto inputs = inputs_of(frame, later);
  REQUIRE(inputs.size() == 3);
  CHECK(inputs[0].position() == market::position{3, 100});
  CHECK(inputs[1].position() == market::position{3, 102});
  CHECK(inputs[2].position() == market::position{3, 104});

  const frame_decoder decoder;
  CHECK(decoder.packets(frame) == 5);
  CHECK(decoder.packets(frame.substr(0, frame.size() - 1)) == 4);
  CHECK(decoder.packets("x") == 0);
  std::vector<std::uint32_t> tokens;
  decoder.tokens(frame, tokens);
  CHECK(tokens == std::vector<std::uint32_t>{408'065, 408'065, 408'065});
  std::vector<std::uint64_t> seqs;
  decoder.packet_views(frame, {3, 100}, [&](market::position at, std::string_view packet) {
    seqs.push_back(at.seq);
    CHECK(decoder.decode(packet).token == 408'065);
    CHECK(decoder.token(packet) == 408'065);
  });
  CHECK(seqs == std::vector<std::uint64_t>{100, 102, 104});
}

TEST_CASE("what decoding gives agrees with what bars see") {
  for (const auto& t : test::sample_of_every_mode()) {
    const auto in = input_of(t, later);
    const auto back = frame_decoder().decode(encoded(t));
    CHECK(back == t);
    CHECK(in.last == back.last);
    CHECK(in.mode == back.mode);
  }
}

TEST_CASE("digests tell packets apart, byte by byte, and nothing else") {
  const std::string packet = encoded(test::sample_full());
  const auto digest = [](const std::string& p, market::timestamp receive) {
    return inputs_of(test::frame_of({p}), receive, {1, 1})[0].digest;
  };
  CHECK(digest(packet, later) == digest(packet, later + 1));
  for (std::size_t i = 0; i < packet.size(); ++i) {
    auto other = packet;
    other[i] = static_cast<char>(other[i] ^ 1);
    CHECK(digest(other, later) != digest(packet, later));
  }
  // XXH3-64 of "ABCDEFGH": a journal's digests must not change with the library.
  CHECK(digest("ABCDEFGH", later) == 0xa3bc97df47c56233u);
}

TEST_CASE("packets of an unknown length decode to an empty tick") {
  CHECK(frame_decoder().decode("what is this") == market::tick{});
  CHECK(frame_decoder().token("what is this") == 0);
  CHECK(frame_decoder().token("") == 0);
}

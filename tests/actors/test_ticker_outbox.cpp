#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "actors/session/packet_frames.hpp"
#include "actors/session/ticker_outbox.hpp"
#include "messages/protocol/frame.hpp"
#include "tests/actors/kite_packets.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using actors::ticker_outbox;
using test::packets_in;

namespace {

std::string with_length(const std::string& packet) {
  std::string out;
  actors::append_packet(out, packet);
  return out;
}

/// The first message: a text, or packets joined by spaces.
std::string taken(ticker_outbox& box) {
  auto bytes = box.front().bytes();
  protocol::opcode what{};
  const std::string payload(protocol::take_frame(bytes, what));
  CHECK(bytes.empty());
  CHECK((what == protocol::opcode::text) == (box.front_packets() == 0));
  box.pop();
  if (what == protocol::opcode::text) return payload;
  std::string all;
  for (const auto& p : packets_in(payload)) all += (all.empty() ? "" : " ") + p;
  return all;
}

std::string text(const std::string& payload) {
  std::string frame;
  protocol::append_frame(frame, protocol::opcode::text, payload);
  return frame;
}

}  // namespace

TEST_CASE("the newest packet of each instrument waits behind all texts") {
  ticker_outbox box;
  CHECK(box.empty());
  CHECK_FALSE(box.put(7, with_length("seven")));
  CHECK_FALSE(box.put(3, with_length("three")));
  CHECK(box.put(7, with_length("SEVEN")));
  box.keep(text("first"));
  box.keep(text("second"));
  CHECK(box.keeps());
  CHECK(taken(box) == "first");
  CHECK(taken(box) == "second");
  CHECK_FALSE(box.keeps());
  CHECK(taken(box) == "three SEVEN");
  CHECK(box.empty());
  CHECK(box.bytes() == 0);
}

TEST_CASE("what was not taken is made anew from what is newest by then") {
  ticker_outbox box;
  box.put(1, with_length("old"));
  CHECK(box.front_packets() == 1);
  box.put(1, with_length("new"));
  box.put(2, with_length("more"));
  CHECK(box.front_packets() == 2);
  box.drop(2);
  box.drop(9);
  CHECK(taken(box) == "new");
  box.put(1, with_length("waits"));
  CHECK(box.front_packets() == 1);
  box.keep(text("says"));
  CHECK(taken(box) == "says");
  CHECK(taken(box) == "waits");
  CHECK(box.bytes() == 0);
}

TEST_CASE("whose turn it was not goes first the next time") {
  ticker_outbox box;
  constexpr std::uint32_t instruments = 600;
  const auto fill = [&](const std::string& value) {
    for (std::uint32_t t = 0; t < instruments; ++t)
      box.put(t, with_length(value + std::to_string(t)));
  };
  fill("a");
  const auto first = taken(box);
  CHECK(first.starts_with("a0 a1 "));
  fill("b");
  const auto second = taken(box);
  CHECK(second.starts_with("b256 b257 "));
  fill("c");
  const auto third = taken(box);
  CHECK(third.starts_with("c512 "));
  CHECK(third.find(" c599 c0 c1 ") != std::string::npos);
  std::size_t left = 0;
  while (!box.empty()) {
    left += box.front_packets();
    box.pop();
  }
  CHECK(left == instruments - 256);
  CHECK(box.bytes() == 0);
}

TEST_CASE("packets go into messages of three thousand") {
  std::string packets;
  std::vector<messages::batch::item> items;
  const std::vector<std::size_t> sizes{1, 3'000, 3'001, 6'500};
  for (const auto count : sizes) {
    packets.clear();
    items.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::uint32_t>(packets.size());
      actors::append_packet(packets, std::to_string(i));
      items.push_back(
          {i, at, static_cast<std::uint32_t>(packets.size()) - at, messages::batch::kind::value});
    }
    const auto framed = actors::frame_packets(packets, items);
    std::string_view left = framed;
    std::size_t messages = 0;
    std::size_t next = 0;
    while (!left.empty()) {
      protocol::opcode what{};
      const auto payload = protocol::take_frame(left, what);
      CHECK(what == protocol::opcode::binary);
      ++messages;
      for (const auto& p : packets_in(payload)) {
        REQUIRE(p == std::to_string(next));
        REQUIRE(framed.substr(items[next].offset + 2, items[next].size - 2) == p);
        ++next;
      }
    }
    CHECK(next == count);
    CHECK(messages == actors::frames_of_packets(count));
  }
  CHECK(actors::frame_packets("", {}).empty());
  CHECK(actors::heartbeat_frame() == std::string("\x82\x01\x00", 3));
}

TEST_CASE("a price that came without a packet is a packet of mode ltp") {
  const auto packet = [](std::uint32_t token, std::int64_t units) {
    std::string out = "before";
    const bool done = actors::append_price_packet(out, token, {units});
    CHECK(done == (out.size() > 6));
    return out.substr(6);
  };
  constexpr std::int64_t one = market::price_scale;
  CHECK(packet(408'065, 1'299 * one + one / 20) ==
        std::string("\x00\x08\x00\x06\x3a\x01\x00\x01\xfb\x71", 10));  // 129905
  // Currencies have seven decimals; halves go to the even neighbour.
  CHECK(packet(0x103, one).substr(6) == std::string("\x00\x98\x96\x80", 4));
  CHECK(packet(1, one / 200).substr(6) == std::string("\0\0\0\0", 4));
  CHECK(packet(1, 3 * one / 200).substr(6) == std::string("\0\0\0\2", 4));
  CHECK(packet(1, 0).substr(6) == std::string("\0\0\0\0", 4));
  CHECK(packet(1, -one).empty());
  CHECK(packet(1, 42'949'672 * one + 95 * one / 100).substr(6) == "\xff\xff\xff\xff");
  CHECK(packet(1, 42'949'672 * one + 96 * one / 100).empty());
}

TEST_CASE("packets that may not be left out wait in order, among the texts") {
  ticker_outbox box;
  const auto frames_of = [](const std::vector<std::string>& packets) {
    std::string bytes;
    std::vector<messages::batch::item> items;
    for (const auto& p : packets) {
      const auto with = with_length(p);
      items.push_back({0, static_cast<std::uint32_t>(bytes.size()),
                       static_cast<std::uint32_t>(with.size()), messages::batch::kind::value});
      bytes += with;
    }
    return actors::frame_packets(bytes, items);
  };
  box.put(3, with_length("three"));
  box.keep_packets(frames_of({"old", "older"}), 2);
  box.keep(text("between"));
  box.keep_packets(frames_of({"new"}), 1);
  CHECK(box.keeps());
  CHECK(box.front().messages == 1);
  CHECK(box.front_packets() == 2);
  CHECK(taken(box) == "old older");
  CHECK(taken(box) == "between");
  CHECK(taken(box) == "new");
  CHECK_FALSE(box.keeps());
  CHECK(taken(box) == "three");
  CHECK(box.bytes() == 0);
  box.keep_packets(frames_of(std::vector<std::string>(actors::packets_per_frame + 1, "many")),
                   actors::packets_per_frame + 1);
  CHECK(box.front().messages == 2);
}

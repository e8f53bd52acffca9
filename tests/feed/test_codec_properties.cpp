#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "feed/kite/codec.hpp"
#include "tests/feed/codec_samples.hpp"

using namespace artham;
using namespace artham::feed::kite;

namespace {

/// Any packet that an exchange could send: random bytes with the padding of the depth zero, and
/// with the change of an index that fits its last price and close.
std::string any_packet(std::size_t size) {
  auto bytes = *rc::gen::container<std::string>(size, rc::gen::arbitrary<char>());
  if (size == full_size) {
    for (std::size_t level = 0; level < 10; ++level) {
      bytes[64 + 12 * level + 10] = bytes[64 + 12 * level + 11] = 0;
    }
  }
  if (size == index_quote_size || size == index_full_size) {
    bytes[4] &= 0x7f;  // so that last - close fits signed 32 bits
    bytes[20] &= 0x7f;
    const auto change = load_u32(bytes.data() + 4) - load_u32(bytes.data() + 20);
    bytes.replace(24, 4, test::be32(change));
  }
  return bytes;
}

}  // namespace

TEST_CASE("whatever an exchange can send encodes to the same bytes again") {
  CHECK(rc::check("encode(decode(packet)) == packet", [] {
    const auto size =
        *rc::gen::element(ltp_size, index_quote_size, index_full_size, quote_size, full_size);
    const auto packet = any_packet(size);
    const auto t = decode_packet(packet);
    RC_ASSERT(t.has_value());
    std::string again;
    RC_ASSERT(encode_packet(again, *t).has_value());
    RC_ASSERT(again == packet);
  }));
}

TEST_CASE("walking any bytes stays inside them and agrees with itself") {
  CHECK(rc::check("for_each_packet is total", [] {
    const auto frame = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    std::size_t used = 2;
    std::size_t packets = 0;
    const auto walked = for_each_packet(frame, [&](std::string_view p) {
      RC_ASSERT(p.data() == frame.data() + used + 2);
      used += 2 + p.size();
      ++packets;
    });
    RC_ASSERT(packets == walked.packets);
    RC_ASSERT(packets == 0 || used <= frame.size());
    RC_ASSERT(frame.size() < 2 || walked.truncated == (packets < load_u16(frame.data())));
  }));
}

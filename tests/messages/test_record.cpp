#include "messages/record/record.hpp"

#include <doctest/doctest.h>

#include "messages/record/bar_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "tests/messages/record_samples.hpp"

using namespace artham;
using namespace artham::record;

namespace {

/// Nine positions: a frame of 5, three packed ticks, a mark.
std::string sample_payload() {
  std::string payload;
  append(payload, with_times(kind::kite_frame, 5, 11, 12), "a frame of five");
  std::string ticks;
  encode(ticks, test::sample_ticks());
  append(payload, with_times(kind::packed_ticks, 3, 13, 14), ticks);
  append(payload, with_times(kind::mark, 1, 15, 16), encode(test::sample_mark()));
  return payload;
}

}  // namespace

TEST_CASE("a header is 24 little-endian bytes in the documented order") {
  std::string payload;
  append(payload, with_times(kind::kite_frame, 0x0102, 0x1112131415161718, 0x2122232425262728),
         "xyz");
  CHECK(payload == std::string("\x03\0\0\0\x02\x01\x01\0"
                               "\x18\x17\x16\x15\x14\x13\x12\x11"
                               "\x28\x27\x26\x25\x24\x23\x22\x21"
                               "xyz",
                               27));
}

TEST_CASE("times and causes survive the header") {
  const auto times = with_times(kind::mark, 1, 1'766'992'620'000'000'001, -5);
  CHECK(receive_time(times) == 1'766'992'620'000'000'001);
  CHECK(wall_time(times) == -5);
  const cause c{{0xfffffffe, 0xfffffffffffffffd}, 0xfffffffc};
  CHECK(cause_of(with_cause(kind::bar, c)) == c);
}

TEST_CASE("records of a block come back in order with their positions") {
  block b;
  b.epoch = 2;
  b.first_seq = 100;
  b.count = 9;
  b.payload = sample_payload();
  std::vector<std::pair<kind, std::uint64_t>> seen;
  std::string first_body;
  for_each(b, [&](const header& h, std::uint64_t seq, std::string_view body) {
    if (seen.empty()) {
      first_body = body;
    }
    seen.emplace_back(h.kind, seq);
  });
  CHECK(first_body == "a frame of five");
  CHECK(seen == std::vector<std::pair<kind, std::uint64_t>>{
                    {kind::kite_frame, 100}, {kind::packed_ticks, 105}, {kind::mark, 108}});
  CHECK(b.last() == position{2, 108});
}

TEST_CASE("check_payload accepts what was appended and nothing shorter") {
  const std::string payload = sample_payload();
  CHECK(check_payload(payload, 9));
  CHECK(check_payload("", 0));
  CHECK_FALSE(check_payload("", 1));
  CHECK_FALSE(check_payload(payload, 8));
  CHECK_FALSE(check_payload(payload, 10));
  for (std::size_t n = 0; n < payload.size(); ++n) {
    const std::string cut(payload, 0,
                          n);  // its own allocation: a read past its end is caught by asan
    const auto checked = check_payload(cut, 9);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == errc::corrupt);
  }
}

TEST_CASE("check_payload names the place and the reason") {
  std::string payload;
  append(payload, with_times(kind::kite_frame, 5, 0, 0), "12345678");
  SUBCASE("unknown kind") {
    append(payload, with_times(static_cast<kind>(9), 1, 0, 0), "");
    const auto checked = check_payload(payload, 6);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().message ==
          "record at byte 32: unknown kind 9 (written by a newer version?)");
  }
  SUBCASE("a record without a position") {
    append(payload, with_times(kind::kite_frame, 0, 0, 0), "");
    CHECK_FALSE(check_payload(payload, 5));
  }
  SUBCASE("a bar that claims two positions") {
    append(payload, with_times(kind::bar, 2, 0, 0), "");
    CHECK_FALSE(check_payload(payload, 7));
  }
  SUBCASE("a body longer than the payload") {
    append(payload, with_times(kind::mark, 1, 0, 0), "body");
    payload.pop_back();
    const auto checked = check_payload(payload, 6);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().message == "record at byte 32: the body of 4 bytes breaks off");
  }
}

TEST_CASE("mutated payloads are refused or walk cleanly, and never crash") {
  std::mt19937_64 random(42);
  const std::string payload = sample_payload();
  std::size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    block b;
    b.first_seq = 1;
    b.count = 9;
    b.payload = test::mutated(payload, random);
    if (!check_payload(b.payload, b.count)) {
      ++refused;
      continue;
    }
    std::size_t bytes = 0;
    for_each(b, [&](const header& h, std::uint64_t seq, std::string_view body) {
      bytes += header_size + body.size();
      if (h.kind == kind::mark) {
        (void)decode_mark(h, {1, seq}, body);
      } else if (h.kind == kind::bar) {
        (void)decode_bar(h, body);
      } else if (h.kind == kind::packed_ticks) {
        std::vector<market::bar_input> ticks;
        (void)decode_ticks({1, seq}, body, ticks);
      }
    });
    REQUIRE(bytes == b.payload.size());
  }
  CHECK(refused > 5'000);
}

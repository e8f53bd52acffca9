#include <doctest/doctest.h>

#include "messages/record/bar_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "tests/messages/record_samples.hpp"

using namespace artham;
using namespace artham::record;

namespace {

header header_of(const market::mark& m) {
  return with_times(kind::mark, 1, m.time, m.wall);
}

bool same(const market::bar_input& a, const market::bar_input& b) {
  return a.time == b.time && a.seq == b.seq && a.last == b.last &&
         a.volume_or_size == b.volume_or_size && a.oi == b.oi && a.digest == b.digest &&
         a.token == b.token && a.epoch == b.epoch && a.fields == b.fields && a.mode == b.mode;
}

}  // namespace

TEST_CASE("a mark comes back as it was") {
  auto m = test::sample_mark();
  SUBCASE("with everything") {}
  SUBCASE("bare") {
    m = {};
    m.position = {1, 2};
  }
  SUBCASE("of every kind, cause and mode") {
    for (int k = 1; k <= 6; ++k) {
      for (int c = 0; c <= 8; ++c) {
        m.kind = static_cast<market::mark_kind>(k);
        m.cause = static_cast<market::gap_cause>(c);
        m.mode = static_cast<market::tick_mode>(c % 5);
        const auto back = decode_mark(header_of(m), m.position, encode(m));
        REQUIRE(back);
        CHECK(*back == m);
      }
    }
  }
  SUBCASE("with 3,000 tokens") {
    m.tokens.assign(3'000, 408'065);
  }
  SUBCASE("without hashes") {
    m.hashes = {};
  }
  const auto back = decode_mark(header_of(m), m.position, encode(m));
  REQUIRE(back);
  CHECK(*back == m);
}

TEST_CASE("a mark's bytes are those of the documented layout") {
  market::mark m;
  m.kind = market::mark_kind::subscription;
  m.from = 0x0102030405060708;
  m.cause = market::gap_cause::restart;
  m.flag = 1;
  m.mode = market::tick_mode::quote;
  m.tokens = {0x11223344};
  m.subject = "ab";
  CHECK(encode(m) == std::string("\x01\x04\x03\x01\x03\0\0\0"
                                 "\x08\x07\x06\x05\x04\x03\x02\x01"
                                 "\x01\0\0\0\x02\0\0\0"
                                 "\x44\x33\x22\x11"
                                 "ab",
                                 30));
}

TEST_CASE("a subject that is too long is cut, not lost with its mark") {
  auto m = test::sample_mark();
  m.subject.assign(70'000, 'x');
  const auto back = decode_mark(header_of(m), m.position, encode(m));
  REQUIRE(back);
  CHECK(back->subject.size() == 65'535);
}

TEST_CASE("a mark that is cut, longer, newer or nonsense is refused as corrupt") {
  const auto m = test::sample_mark();
  const std::string good = encode(m);
  const auto refused = [&m](const std::string& body) {
    const auto back = decode_mark(header_of(m), m.position, body);
    return !back && back.error().code == errc::corrupt;
  };
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK(refused(good.substr(0, n)));
  }
  CHECK(refused(good + '\0'));
  for (const std::size_t at : {0, 1, 2, 4, 22}) {  // version, kind, cause, mode, has_hashes
    auto bad = good;
    bad[at] = 99;
    CHECK(refused(bad));
  }
  CHECK_FALSE(decode_mark(with_times(kind::bar, 1, 0, 0), {1, 1}, good));
}

TEST_CASE("a bar comes back as it was, with its cause") {
  const auto b = test::sample_bar();
  const cause c{{3, 4}, 5};
  std::string body;
  encode(body, b);
  CHECK(body.size() == 120);
  const auto back = decode_bar(with_cause(kind::bar, c), body);
  REQUIRE(back);
  CHECK(*back == bar_record{c, b});
}

TEST_CASE("a bar's bytes are those of the documented layout") {
  std::string body;
  encode(body, test::sample_bar());
  CHECK(
      body.substr(0, 24) ==
      std::string(
          "\x01\x0f\x3f\0\xff\xff\xff\xff\x01\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff", 24));
  CHECK(body.substr(88, 8) == std::string("\x0b\0\0\0\x0c\0\0\0", 8));
  CHECK(body.substr(96, 12) == std::string("\x0d\0\0\0\x0e\0\0\0\0\0\0\0", 12));
}

TEST_CASE("a bar of another length, version or with unknown fields is refused as corrupt") {
  std::string good;
  encode(good, test::sample_bar());
  const auto h = with_cause(kind::bar, {});
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK_FALSE(decode_bar(h, good.substr(0, n)));
  }
  CHECK_FALSE(decode_bar(h, good + '\0'));
  auto newer = good;
  newer[0] = 2;
  const auto back = decode_bar(h, newer);
  REQUIRE_FALSE(back);
  CHECK(back.error().code == errc::corrupt);
  auto unknown = good;
  unknown[1] = 0x10;
  CHECK_FALSE(decode_bar(h, unknown));
  CHECK_FALSE(decode_bar(with_cause(kind::mark, {}), good));
}

TEST_CASE("packed ticks come back with the positions of their place") {
  const auto ticks = test::sample_ticks();
  std::string body;
  encode(body, ticks);
  CHECK(body.size() == 4 + 40 * ticks.size());
  std::vector<market::bar_input> back(1);
  REQUIRE(decode_ticks({9, 50}, body, back));
  REQUIRE(back.size() == 1 + ticks.size());
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    auto want = ticks[i];
    want.epoch = 9;
    want.seq = 50 + i;
    want.digest = back[i + 1].digest;
    CHECK(same(back[i + 1], want));
  }
  CHECK(back[1].digest != back[2].digest);
}

TEST_CASE("equal packed ticks have equal digests, whatever their position") {
  auto ticks = test::sample_ticks();
  ticks[2] = ticks[0];
  std::string body;
  encode(body, ticks);
  std::vector<market::bar_input> back;
  REQUIRE(decode_ticks({1, 1}, body, back));
  CHECK(back[0].digest == back[2].digest);
}

TEST_CASE("as many packed ticks as a record can count") {
  const std::vector<market::bar_input> ticks(max_packed_ticks, test::sample_ticks()[0]);
  std::string body;
  encode(body, ticks);
  std::vector<market::bar_input> back;
  REQUIRE(decode_ticks({1, 1}, body, back));
  CHECK(back.size() == 65'535);
  CHECK(back.back().seq == 65'535);
}

TEST_CASE("packed ticks that are cut or nonsense are refused whole") {
  std::string good;
  encode(good, test::sample_ticks());
  std::vector<market::bar_input> out;
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK_FALSE(decode_ticks({1, 1}, good.substr(0, n), out));
  }
  CHECK_FALSE(decode_ticks({1, 1}, good + '\0', out));
  for (const std::size_t at : {0, 2, 4 + 40 + 4, 4 + 40 + 5}) {  // version, count, fields, mode
    auto bad = good;
    bad[at] = 99;
    CHECK_FALSE(decode_ticks({1, 1}, bad, out));
  }
  CHECK(out.empty());
}

TEST_CASE("mutated bodies never crash, and what decodes encodes to the same bytes") {
  std::mt19937_64 random(43);
  const auto m = test::sample_mark();
  const std::string mark_body = encode(m);
  std::string bar_body;
  encode(bar_body, test::sample_bar());
  std::string ticks_body;
  encode(ticks_body, test::sample_ticks());
  for (int i = 0; i < 20'000; ++i) {
    if (const auto bytes = test::mutated(mark_body, random);
        const auto back = decode_mark(header_of(m), m.position, bytes)) {
      const auto again = decode_mark(header_of(*back), m.position, encode(*back));
      REQUIRE(again);
      CHECK(*again == *back);
    }
    if (const auto bytes = test::mutated(bar_body, random);
        const auto back = decode_bar(with_cause(kind::bar, {}), bytes)) {
      std::string again;
      encode(again, back->bar);
      CHECK(again == bytes);
    }
    std::vector<market::bar_input> ticks;
    if (const auto bytes = test::mutated(ticks_body, random); decode_ticks({1, 1}, bytes, ticks)) {
      CHECK(ticks.size() == 3);
    }
  }
}

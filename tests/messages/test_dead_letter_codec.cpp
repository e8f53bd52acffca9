#include <doctest/doctest.h>

#include <string>

#include "messages/record/dead_letter_codec.hpp"

using namespace artham;          // NOLINT(google-build-using-namespace)
using namespace artham::record;  // NOLINT(google-build-using-namespace)

namespace {

dead_letter sample() {
  dead_letter l;
  l.cause = {{3, 0x1122334455}, 2};
  l.what = letter_kind::actor;
  l.token = 408'065;
  l.at = {2, 0x0102030405060708};
  l.time = 0x1112131415161718;
  l.text = "no";
  return l;
}

std::string body_of(const dead_letter& l) {
  std::string body;
  encode(body, l);
  return body;
}

header header_of(const dead_letter& l) {
  return with_cause(kind::dead_letter, l.cause);
}

}  // namespace

TEST_CASE("a dead letter comes back as it was") {
  auto l = sample();
  for (const auto what : {letter_kind::record, letter_kind::actor, letter_kind::lifted}) {
    l.what = what;
    const auto back = decode_dead_letter(header_of(l), body_of(l));
    REQUIRE(back);
    CHECK(*back == l);
  }
  l.text.assign(70'000, 'x');
  const auto cut = decode_dead_letter(header_of(l), body_of(l));
  REQUIRE(cut);
  CHECK(cut->text.size() == 65'535);
}

TEST_CASE("a dead letter's bytes are those of the documented layout") {
  const std::string expected{
      "\x01\x02\x01\x00\x01\x3a\x06\x00\x18\x17\x16\x15\x14\x13\x12\x11"
      "\x08\x07\x06\x05\x04\x03\x02\x01\x02\x00\x00\x00\x02\x00no",
      32};
  CHECK(body_of(sample()) == expected);
}

TEST_CASE("what is no dead letter of this version is refused") {
  const auto good = body_of(sample());
  const auto h = header_of(sample());
  const auto refused = [&](std::string body, header with) {
    const auto l = decode_dead_letter(with, body);
    return !l && l.error().code == errc::corrupt;
  };
  CHECK_FALSE(refused(good, h));
  CHECK(refused(good, with_cause(kind::bar, sample().cause)));
  for (std::size_t n = 0; n < good.size(); ++n) CHECK(refused(good.substr(0, n), h));
  CHECK(refused(good + "x", h));
  for (const std::size_t byte : {0U, 1U, 2U}) {
    for (const char value : {'\0', '\x09'}) {
      auto bad = good;
      bad[byte] = value;
      CHECK(refused(bad, h));
    }
  }
}

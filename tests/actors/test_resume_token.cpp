#include <doctest/doctest.h>

#include <random>

#include "actors/session/resume_token.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using actors::stream_list;
using actors::token_codec;

namespace {

messages::resume_point some_point(const token_codec& c, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  messages::resume_point p;
  p.time = static_cast<market::timestamp>(random() >> (1 + random() % 63));
  const auto position = [&] {
    return market::position{static_cast<std::uint32_t>(random() >> random() % 64),
                            random() >> random() % 64};
  };
  for (std::size_t i = 0; i < c.streams().all().size(); ++i) {
    p.at.push_back(position());
    const market::cause cause{position(), static_cast<std::uint32_t>(random())};
    p.causes.push_back(cause.at.epoch == 0 ? market::cause{} : cause);
  }
  return p;
}

}  // namespace

TEST_CASE("a token gives back the positions that it was made of") {
  const auto timeframes = *market::parse_timeframes("1m 5m 100t");
  for (const auto& [features, shards] : {std::pair{false, 1U}, {true, 1U}, {true, 4U}}) {
    const token_codec c(42, stream_list(timeframes, features, shards));
    for (std::uint32_t seed = 0; seed < 200; ++seed) {
      const auto p = some_point(c, seed);
      const auto back = c.decode(c.encode(p));
      REQUIRE(back);
      CHECK(*back == p);
    }
  }
}

TEST_CASE("what is no token, or another journal's, is refused by name") {
  const auto timeframes = *market::parse_timeframes("1m");
  const token_codec c(42, stream_list(timeframes, true, 1));
  const auto token = c.encode(some_point(c, 1));
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto other = token;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(c.decode(other));
    CHECK_FALSE(c.decode(token.substr(0, i)));
  }
  for (const auto* const text : {"", "A", "no token!", "====", "\xff\xfe"}) {
    const auto refused = c.decode(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("no resume token") != std::string::npos);
  }
  const token_codec elsewhere(43, stream_list(timeframes, true, 1));
  const auto refused = elsewhere.decode(token);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("another journal") != std::string::npos);
}

TEST_CASE("a stream that a token does not know begins at its beginning") {
  const token_codec before(42, stream_list(*market::parse_timeframes("1m 5m"), true, 1));
  const token_codec after(42, stream_list(*market::parse_timeframes("5m 15m"), false, 1));
  const auto p = some_point(before, 3);
  const auto back = after.decode(before.encode(p));
  REQUIRE(back);
  CHECK(back->at == std::vector<market::position>{p.at[0], p.at[2], {}});
  CHECK(back->causes == std::vector<market::cause>{p.causes[0], p.causes[2], {}});
}

TEST_CASE("a token of the version before is taken, which finds nothing in a store") {
  const token_codec c(42, stream_list(*market::parse_timeframes("1m"), false, 1));
  // Of positions (1, 2) and (3, 300).
  const auto back = c.decode("ASoAAAAAAAAAc8A7oQECfPZ2OQOsAnJIkJY");
  REQUIRE(back);
  CHECK(back->at == std::vector<market::position>{{1, 2}, {3, 300}});
  CHECK(back->causes == std::vector<market::cause>(2));
  CHECK(back->time == 0);
}

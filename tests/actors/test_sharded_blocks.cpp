#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "actors/bars/tick_stream.hpp"
#include "actors/features/quote_stream.hpp"
#include "tests/bridge/shard_samples.hpp"

using namespace artham;
using namespace artham::test;

namespace {

struct decoded {
  std::vector<market::bar_input> ticks;
  std::vector<market::quote> quotes;
  std::vector<market::mark> marks;
};

decoded decode(const record::block_ptr& b, record::position after) {
  const feed::kite::frame_decoder decoder;
  decoded d;
  if (!b) return d;
  REQUIRE(actors::decode_for_bars(*b, after, decoder, d.ticks, d.marks));
  market::timestamp clock = 0;
  std::vector<market::mark> clocks;
  REQUIRE(actors::decode_for_features(*b, after, decoder, clock, d.quotes, clocks));
  return d;
}

auto of_tick(const market::bar_input& t) {
  return std::tuple(t.position(), t.token, t.digest, t.time, t.last.units);
}
auto of_quote(const market::quote& q) {
  return std::tuple(q.position(), q.token, q.time, q.last.units, q.fields);
}

}  // namespace

TEST_CASE("bars and features of a shard are made of its instruments' ticks, from any position on") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    random_ticks random(seed);
    const auto how = sharding_of(static_cast<std::uint32_t>(2 + random.below(4)));
    const auto b = random.block(2);
    const record::position after{2, random.below(b->count + 1)};
    const auto whole = decode(b, after);
    const auto parts = bridge::split_by_shard(b, how);
    REQUIRE(parts);
    for (std::uint32_t s = 0; s < how.shards; ++s) {
      const auto part = decode((*parts)[s], after);
      const auto is_other = [&](const auto& t) { return how.shard_of(t.token) != s; };
      auto wanted = whole;
      std::erase_if(wanted.ticks, is_other);
      std::erase_if(wanted.quotes, is_other);
      CHECK(std::ranges::equal(part.ticks, wanted.ticks, {}, of_tick, of_tick));
      CHECK(std::ranges::equal(part.quotes, wanted.quotes, {}, of_quote, of_quote));
      if ((*parts)[s]) CHECK(part.marks == whole.marks);
    }
  }
}

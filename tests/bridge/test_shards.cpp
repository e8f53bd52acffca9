#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>

#include "bridge/common/record_walk.hpp"
#include "bridge/common/shard_merge.hpp"
#include "bridge/local/token_filter.hpp"
#include "tests/bridge/shard_samples.hpp"

using namespace artham;
using namespace artham::test;
using bridge::shard_merge;

namespace {

/// What the shards' streams hold: entries cut anew wherever a record ends.
std::vector<std::vector<shard_entry>> entries_of(const std::vector<record::block_ptr>& blocks,
                                                 const bridge::sharding& how,
                                                 random_ticks& random) {
  std::vector<std::vector<shard_entry>> shards(how.shards);
  std::vector<record::position> from(how.shards, blocks.front()->first());
  for (const auto& b : blocks) {
    auto parts = bridge::split_by_shard(b, how);
    REQUIRE(parts);
    for (std::uint32_t s = 0; s < how.shards; ++s) {
      auto part = (*parts)[s];
      if (!part) continue;
      while (part) {
        std::vector<std::uint64_t> ends;
        record::for_each(*part, [&](const record::header& h, std::uint64_t seq, std::string_view) {
          ends.push_back(seq + h.count - 1);
        });
        const auto end = ends[random.below(ends.size())];
        auto front = part;
        record::block_ptr rest;
        if (end != part->last().seq) {
          rest = bridge::behind(part, end);
          auto cut = std::make_shared<record::block>(*part);
          cut->count = rest->first_seq - part->first_seq;
          cut->payload.resize(part->payload.size() - rest->payload.size());
          cut->marks.resize(part->marks.size() - rest->marks.size());
          front = cut;
        }
        shards[s].push_back({front, from[s]});
        from[s] = {front->epoch, front->last().seq + 1};
        part = rest;
      }
    }
  }
  return shards;
}

std::vector<record::block_ptr> sample(random_ticks& random) {
  std::vector<record::block_ptr> blocks;
  for (auto n = 1 + random.below(30); n != 0; --n) {
    blocks.push_back(random.block(static_cast<std::uint32_t>(1 + blocks.size() / 10)));
  }
  return blocks;
}

void append(std::vector<record::block_ptr>& to, result<std::vector<record::block_ptr>> from) {
  REQUIRE(from);
  to.insert(to.end(), from->begin(), from->end());
}

auto tick_facts(const market::bar_input& t) {
  return std::tuple(t.epoch, t.seq, t.token, t.fields, t.mode, t.time, t.last.units,
                    t.volume_or_size, t.oi, t.digest);
}

auto quote_facts(const market::quote& q) {
  return std::tuple(q.epoch, q.seq, q.token, q.fields, q.mode, q.time, q.last.units, q.volume, q.oi,
                    q.bid.units, q.ask.units, q.bid_depth, q.ask_depth);
}

constexpr std::uint32_t cases = 400;

}  // namespace

TEST_CASE("shards put together are the stream that was split") {
  for (std::uint32_t seed = 1; seed <= cases; ++seed) {
    CAPTURE(seed);
    random_ticks random(seed);
    const auto shards = static_cast<std::uint32_t>(1 + random.below(8));
    const auto whole = sample(random);
    const auto how = sharding_of(shards);
    const auto entries = entries_of(whole, how, random);
    shard_merge merge(shards, {}, how.frames);
    std::vector<std::size_t> next(shards);
    std::vector<record::block_ptr> merged;
    for (;;) {
      std::vector<std::uint32_t> open;
      for (std::uint32_t s = 0; s < shards; ++s) {
        if (next[s] < entries[s].size()) open.push_back(s);
      }
      if (open.empty()) break;
      const auto s = open[random.below(open.size())];
      const auto& e = entries[s][next[s]++];
      REQUIRE(merge.push(s, e.block, e.from));
      if (random.below(3) == 0) append(merged, merge.take());
    }
    append(merged, merge.take_rest());
    CHECK(bytes_of(merged) == bytes_of(whole));
    CHECK(marks_of(merged) == marks_of(whole));
    CHECK(merge.waiting_bytes() == 0);
    CHECK(merge.after() == whole.back()->last());
    std::uint64_t seq = 1;
    for (const auto& b : merged) {
      CHECK(b->first_seq == seq);
      CHECK(record::check_payload(b->payload, b->count));
      seq += b->count;
    }
  }
}

TEST_CASE("a shard's ticks are those of its instruments, in the same places") {
  const feed::kite::frame_decoder decoder;
  const auto decoded = [&](const record::block& b, std::vector<market::bar_input>& ticks,
                           std::vector<market::quote>& quotes) {
    record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
      const record::position at{b.epoch, seq};
      if (h.kind == record::kind::packed_ticks) REQUIRE(record::decode_ticks(at, body, ticks));
      if (h.kind != record::kind::kite_frame) return;
      CHECK(decoder.packets(body) == h.count);
      decoder.bar_inputs(body, record::receive_time(h), at, ticks);
      decoder.quotes(body, record::receive_time(h), at, quotes);
    });
  };
  for (std::uint32_t seed = 1; seed <= cases; ++seed) {
    CAPTURE(seed);
    random_ticks random(seed);
    const auto how = sharding_of(static_cast<std::uint32_t>(2 + random.below(7)));
    const auto b = random.block(3);
    std::vector<market::bar_input> ticks;
    std::vector<market::quote> quotes;
    decoded(*b, ticks, quotes);
    const auto parts = bridge::split_by_shard(b, how);
    REQUIRE(parts);
    for (std::uint32_t s = 0; s < how.shards; ++s) {
      std::vector<market::bar_input> own_ticks;
      std::vector<market::quote> own_quotes;
      const auto& part = (*parts)[s];
      if (part) {
        CHECK(record::check_payload(part->payload, part->count));
        CHECK(part->first() == b->first());
        CHECK(part->last() == b->last());
        CHECK(part->marks == b->marks);
        decoded(*part, own_ticks, own_quotes);
      }
      const auto is_other = [&](const auto& t) { return how.shard_of(t.token) != s; };
      auto wanted = ticks;
      std::erase_if(wanted, is_other);
      auto wanted_quotes = quotes;
      std::erase_if(wanted_quotes, is_other);
      CHECK(std::ranges::equal(own_ticks, wanted, {}, tick_facts, tick_facts));
      CHECK(std::ranges::equal(own_quotes, wanted_quotes, {}, quote_facts, quote_facts));
    }
  }
}

TEST_CASE("a record is not told before every shard has spoken of it") {
  random_ticks random(5);
  const auto how = sharding_of(2);
  const auto b = [&] {
    bridge::block_maker m({1, 1});
    m.add(record::with_times(record::kind::kite_frame, 2, open_time, 0), frame({256, 512}, 7));
    return m.finish();
  }();
  const auto parts = bridge::split_by_shard(b, how);
  REQUIRE(parts);
  shard_merge merge(2, {}, how.frames);
  REQUIRE(merge.push(0, (*parts)[0], {1, 1}));
  CHECK(merge.slowest() == 1);
  CHECK(merge.take()->empty());
  SUBCASE("then it comes whole") {
    REQUIRE(merge.push(1, (*parts)[1], {1, 1}));
    const auto got = merge.take();
    REQUIRE(got);
    CHECK(bytes_of(*got) == bytes_of({b}));
  }
  SUBCASE("or in part, with a place for what is lost, when there is no more") {
    const auto got = merge.take_rest();
    REQUIRE(got);
    REQUIRE(got->size() == 1);
    std::vector<std::pair<record::kind, int>> kinds;
    record::for_each(*got->front(), [&](const record::header& h, std::uint64_t, std::string_view) {
      kinds.emplace_back(h.kind, h.flags);
    });
    // Token 512 belongs to shard 0, and is the later one.
    CHECK(kinds == std::vector<std::pair<record::kind, int>>{{record::kind::elsewhere, 0},
                                                             {record::kind::kite_frame, 0}});
  }
}

TEST_CASE("what was trimmed in between, and what two nodes wrote, is not put together") {
  random_ticks random(6);
  const auto how = sharding_of(2);
  shard_merge merge(2, {1, 10}, how.frames);
  bridge::block_maker m({1, 12});
  m.add(record::with_times(record::kind::kite_frame, 1, open_time, 0), frame({256}, 7));
  const auto b = m.finish();
  const auto trimmed = merge.push(0, b, {1, 12});
  REQUIRE_FALSE(trimmed);
  CHECK(trimmed.error().code == errc::not_found);
  REQUIRE(merge.push(0, b, {1, 11}));
  REQUIRE(merge.push(1, b, {1, 11}));
  const auto twice = merge.take();
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code == errc::corrupt);
}

TEST_CASE("a damaged block becomes its gap, everywhere") {
  const auto how = sharding_of(3);
  auto damaged = std::make_shared<record::block>();
  damaged->epoch = 2;
  damaged->first_seq = 5;
  damaged->count = 70'000;
  damaged->damaged = true;
  market::mark gap;
  gap.kind = market::mark_kind::gap;
  gap.cause = market::gap_cause::feed_error;
  damaged->marks = {gap};
  const auto parts = bridge::split_by_shard(damaged, how);
  REQUIRE(parts);
  for (const auto& p : *parts) {
    REQUIRE(p);
    CHECK_FALSE(p->damaged);
    CHECK(p->marks.size() == 1);
    CHECK(p->last() == damaged->last());
    CHECK(record::check_payload(p->payload, p->count));
  }
}

TEST_CASE("what is in other shards is of no instrument") {
  bridge::block_maker b({1, 1});
  b.add(record::with_times(record::kind::kite_frame, 1, open_time, 0), frame({256}, 7));
  b.add_elsewhere(record::with_times(record::kind::mark, 1, open_time, 0), 70'000);
  bridge::local::token_set tokens;
  CHECK(bridge::local::collect_tokens(*b.finish(), tokens));
  std::vector<std::uint32_t> seen;
  tokens.for_each([&](std::uint32_t t) { seen.push_back(t); });
  CHECK(seen == std::vector<std::uint32_t>{256});
}

TEST_CASE("a record whose end a shard has not spoken of waits") {
  bridge::block_maker m({1, 1});
  m.add(record::with_times(record::kind::kite_frame, 4, open_time, 0),
        frame({512, 512, 512, 512}, 7));
  const auto whole = m.finish();
  shard_merge merge(2, {}, feed::kite::frame_cutter());
  REQUIRE(merge.push(0, whole, {1, 1}));
  for (const std::uint64_t first : {1, 3}) {
    CHECK(merge.take()->empty());
    bridge::block_maker others({1, first});
    others.add_elsewhere(record::with_times(record::kind::mark, 1, open_time, 0), 2);
    REQUIRE(merge.push(1, others.finish(), {1, first}));
  }
  CHECK(bytes_of(*merge.take()) == bytes_of({whole}));
}

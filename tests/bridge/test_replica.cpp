#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "bridge/local/journal.hpp"
#include "tests/bridge/scratch.hpp"
#include "tests/bridge/shard_samples.hpp"

using namespace artham;
using namespace artham::test;
namespace local = artham::bridge::local;
using bridge::top;

namespace {

local::options in(const scratch& dir) {
  local::options o;
  o.dir = dir.path() / "journal";
  o.sync_interval = 0;
  o.reserve_bytes = 0;
  return o;
}

/// Everything up to `last`, which may be on its way still.
std::vector<record::block_ptr> all_to(bridge::bridge& b, record::position last) {
  auto r = b.open_reader("md:ticks", {}, top::appended, {});
  REQUIRE(r);
  return pull_to(**r, last.seq);
}

std::vector<record::block_ptr> samples(std::uint32_t seed, std::size_t n) {
  random_ticks random(seed);
  std::vector<record::block_ptr> blocks;
  while (blocks.size() < n) {
    blocks.push_back(random.block(static_cast<std::uint32_t>(3 + blocks.size() / 40)));
  }
  return blocks;
}

}  // namespace

TEST_CASE("a replica is the same journal: positions, epochs, bytes and marks") {
  const auto blocks = samples(1, 100);
  const scratch dir;
  {
    auto j = local::open(in(dir));
    REQUIRE(j);
    auto reader = j->journal->open_reader("md:ticks", {}, top::durable, {});
    REQUIRE(reader);
    auto copy = j->replicator->open_replica("md:ticks");
    REQUIRE(copy);
    CHECK_FALSE(j->replicator->open_replica("md:ticks"));
    CHECK_FALSE(j->journal->open_writer("md:ticks", 9));
    for (const auto& b : blocks) REQUIRE((*copy)->append(b));
    CHECK((*copy)->last() == blocks.back()->last());
    // Whoever reads along sees them when they are durable.
    const auto seen = pull_to(**reader, blocks.back()->last().seq);
    CHECK(bytes_of(seen) == bytes_of(blocks));
    CHECK(marks_of(seen) == marks_of(blocks));
    j->journal->stop();
  }
  const auto again = local::verify(in(dir).dir);
  REQUIRE(again);
  CHECK(again->damages.empty());
  const auto read = local::open_read_only(in(dir).dir);
  REQUIRE(read);
  CHECK(bytes_of(all_to(*read->journal, blocks.back()->last())) == bytes_of(blocks));
  CHECK(read->journal->stream_tops("md:ticks")->durable == blocks.back()->last());
  // The filter of instruments is built: a reader of one gets all of its ticks.
  const std::uint32_t one[] = {256};
  const auto ticks_of_one = [&](std::span<const std::uint32_t> filter) {
    auto r = read->journal->open_reader("md:ticks", {}, top::appended, filter);
    REQUIRE(r);
    const feed::kite::frame_decoder decoder;
    std::vector<std::uint64_t> found;
    const auto pulled = (*r)->pull(1'000'000);
    REQUIRE(pulled);
    for (const auto& b : *pulled) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
        std::vector<market::bar_input> ticks;
        if (h.kind == record::kind::kite_frame) decoder.bar_inputs(body, 0, {1, seq}, ticks);
        for (const auto& t : ticks) {
          if (t.token == one[0]) found.push_back(t.seq);
        }
      });
    }
    return found;
  };
  CHECK_FALSE(ticks_of_one(one).empty());
  CHECK(ticks_of_one(one) == ticks_of_one({}));
}

TEST_CASE("the ordinary writer goes on behind a replica in a later epoch") {
  const auto blocks = samples(2, 10);
  const scratch dir;
  auto j = local::open(in(dir));
  REQUIRE(j);
  {
    auto copy = j->replicator->open_replica("md:ticks");
    REQUIRE(copy);
    for (const auto& b : blocks) REQUIRE((*copy)->append(b));
  }
  CHECK_FALSE(j->journal->open_writer("md:ticks", blocks.back()->epoch));
  auto w = j->journal->open_writer("md:ticks", 17);
  REQUIRE(w);
  const auto at = (*w)->append(frame_record({256}, 1), 1, std::vector<std::uint32_t>{256});
  REQUIRE(at);
  CHECK(*at == record::position{17, blocks.back()->last().seq + 1});
  CHECK(all_to(*j->journal, *at).back()->last() == *at);
}

TEST_CASE("an empty journal begins anywhere, and then only what follows is taken") {
  random_ticks random(3);
  std::vector<record::block_ptr> blocks;
  for (int i = 0; i < 30; ++i) blocks.push_back(random.block(5));
  const std::vector<record::block_ptr> late(blocks.begin() + 10, blocks.end());
  const scratch dir;
  {
    auto j = local::open(in(dir));
    REQUIRE(j);
    auto copy = j->replicator->open_replica("md:ticks");
    REQUIRE(copy);
    CHECK((*copy)->last() == record::position{});
    REQUIRE((*copy)->append(late[0]));
    for (const auto& wrong : {late[2], late[0], blocks[9]}) {
      const auto refused = (*copy)->append(wrong);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == errc::conflict);
    }
    auto earlier = std::make_shared<record::block>(*late[1]);
    earlier->epoch = 4;
    CHECK_FALSE((*copy)->append(earlier));
    for (std::size_t i = 1; i < late.size(); ++i) REQUIRE((*copy)->append(late[i]));
    CHECK(bytes_of(all_to(*j->journal, late.back()->last())) == bytes_of(late));
  }
  auto j = local::open(in(dir));
  REQUIRE(j);
  CHECK(j->report.cuts.empty());
  CHECK(bytes_of(all_to(*j->journal, late.back()->last())) == bytes_of(late));
  auto copy = j->replicator->open_replica("md:ticks");
  REQUIRE(copy);
  CHECK((*copy)->last() == late.back()->last());
  REQUIRE((*copy)->append(random.block(5)));
}

TEST_CASE("a replica that finds no room is told when there is") {
  const scratch dir;
  auto o = in(dir);
  o.queue_bytes = 64 << 10;
  auto j = local::open(o);
  REQUIRE(j);
  auto copy = j->replicator->open_replica("md:ticks");
  REQUIRE(copy);
  random_ticks random(4);
  events room;
  std::vector<record::block_ptr> blocks;
  for (int i = 0; i < 2'000; ++i) {
    blocks.push_back(random.block(1));
    for (;;) {
      const auto taken = (*copy)->append(blocks.back());
      if (taken) break;
      REQUIRE(taken.error().code == errc::full);
      (*copy)->when_room(room.once());
      REQUIRE(room.wait());
    }
  }
  CHECK(bytes_of(all_to(*j->journal, blocks.back()->last())) == bytes_of(blocks));
}

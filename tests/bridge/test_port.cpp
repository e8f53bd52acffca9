#include <doctest/doctest.h>

#include "bridge/local/journal.hpp"
#include "bridge/memory/memory.hpp"
#include "tests/bridge/scratch.hpp"

namespace artham::test {
namespace {

struct implementation {
  static constexpr bool reads_ahead = false;
  static constexpr bool stands_by_cause = false;
  virtual ~implementation() = default;
  virtual bridge::bridge& get() = 0;
};

struct in_memory : implementation {
  std::unique_ptr<bridge::memory::memory_bridge> bridge = bridge::memory::make();
  bridge::bridge& get() override { return *bridge; }
};

/// A tail of nothing makes every read come from the files.
template <std::uint64_t tail_bytes, bridge::local::compression compress>
struct in_files : implementation {
  scratch dir;
  std::unique_ptr<bridge::bridge> bridge;
  in_files() {
    bridge::local::options o;
    o.dir = dir.path() / "journal";
    o.segment_bytes = 20'000;
    o.tail_bytes = tail_bytes;
    o.compress = compress;
    auto opened = bridge::local::open(o);
    REQUIRE(opened);
    bridge = std::move(opened->journal);
  }
  bridge::bridge& get() override { return *bridge; }
};
using in_tail = in_files<64U << 20U, bridge::local::compression::none>;
using in_plain_files = in_files<0, bridge::local::compression::none>;
using in_small_files = in_files<0, bridge::local::compression::zstd>;

}  // namespace
}  // namespace artham::test

#define EVERY in_memory, in_tail, in_plain_files, in_small_files
#include "tests/bridge/port_cases.hpp"

namespace artham::test {

TEST_CASE("memory: dropped blocks are gone, later ones stay") {
  auto b = bridge::memory::make({.max_block_records = 2});
  auto w = *b->open_writer(ticks, 1);
  for (std::uint32_t i = 0; i < 6; ++i) REQUIRE(w->append(frame_record({1}, i), 1, {}));
  auto early = *b->open_reader(ticks, {}, top::appended, {});
  auto r = *b->open_reader(ticks, {}, top::appended, {});
  CHECK(r->pull(4)->size() == 2);
  b->drop_before(ticks, {1, 4});
  CHECK(early->pull(1).error().code == errc::not_found);
  CHECK(r->pull(4)->front()->first_seq == 5);
  CHECK(r->lag() == 0);
}

}  // namespace artham::test

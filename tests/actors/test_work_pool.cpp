#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "actors/bars/work_pool.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)

namespace {

/// As a work that was used and failed may look.
void use_up(messages::bar_work& w) {
  w.first = {1, 5};
  w.last = {1, 9};
  w.save_state = true;
  w.marks.resize(3);
  w.clock_before = 77;
  w.watched = {1, 2};
  for (std::uint32_t i = 0; i < w.slice_count; ++i) {
    auto& s = w.slices[i];
    s.watch = 3;
    s.closed.resize(2);
    s.live.resize(1);
    s.next_close = 4;
    s.counted.ticks = 5;
    s.state.assign(50'000, 'x');
    s.left_out = 6;
    s.record_by_record = true;
    s.at = {1, 7};
    w.answer(s);
  }
}

void is_new(const messages::bar_work& w, std::uint32_t slices, std::size_t ticks) {
  CHECK(w.ticks.size() == ticks);
  CHECK(w.slice_count == slices);
  CHECK(w.open == slices);
  CHECK(w.first == market::position{});
  CHECK(w.last == market::position{});
  CHECK_FALSE(w.save_state);
  CHECK(w.marks.empty());
  CHECK(w.clock_before == 0);
  CHECK(w.watched.empty());
  for (std::uint32_t i = 0; i < slices; ++i) {
    const auto& s = w.slices[i];
    CHECK(s.watch == 0);
    CHECK(s.closed.empty());
    CHECK(s.live.empty());
    CHECK(s.next_close == market::never);
    CHECK(s.counted.ticks == 0);
    CHECK(s.state.empty());
    CHECK(s.state.capacity() < 100);
    CHECK(s.closed.capacity() == 0);
    CHECK(s.left_out == 0);
    CHECK_FALSE(s.record_by_record);
    CHECK(s.at == market::position{});
    CHECK_FALSE(s.answered);
  }
}

}  // namespace

TEST_CASE("a work that was given back is lent again, like new, in the same buffers") {
  actors::work_pool pool;
  auto work = pool.take(8, 100);
  is_new(*work, 8, 100);
  const auto* ticks = work->ticks.data();
  const auto* slices = work->slices.get();
  use_up(*work);
  auto held = work;
  work.reset();
  const auto other = pool.take(8, 100);
  CHECK(other->ticks.data() != ticks);
  held.reset();
  const auto again = pool.take(5, 90);
  CHECK(again->ticks.data() == ticks);
  CHECK(again->slices.get() == slices);
  is_new(*again, 5, 90);
}

TEST_CASE("buffers grow with what is asked for and are given back when the rush is over") {
  actors::work_pool pool;
  pool.take(1'000, 50'000).reset();
  pool.take(2'000, 60'000).reset();
  is_new(*pool.take(2'000, 60'000), 2'000, 60'000);
  const auto few = pool.take(2, 3);
  is_new(*few, 2, 3);
  CHECK(few->ticks.capacity() < 1'000);
  CHECK(few->slice_room == 2);
}

TEST_CASE("a work may outlive its pool") {
  std::optional<actors::work_pool> pool(std::in_place);
  const auto work = pool->take(3, 4);
  pool.reset();
  is_new(*work, 3, 4);
}

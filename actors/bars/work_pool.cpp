#include "actors/bars/work_pool.hpp"

#include <utility>

namespace artham::actors {

namespace {

using messages::bar_slice;
using messages::bar_work;

/// As many as are in flight at a time, and one that is being made.
constexpr std::size_t kept_at_most = 5;
/// Buffers that are so many times too large are given back: the rush is over.
constexpr std::size_t too_large = 16;

/// `x = {}` and clear() would keep its room.
template <class T>
void give_back(T& x) {
  T().swap(x);
}

void make_like_new(bar_slice& s) {
  s.watch = 0;
  give_back(s.closed);
  give_back(s.live);
  s.next_close = market::never;
  s.counted = {};
  give_back(s.state);
  s.left_out = 0;
  s.record_by_record = false;
  s.at = {};
  s.answered.store(false, std::memory_order_relaxed);
}

}  // namespace

/// With room for all, as putting one back must not fail.
work_pool::shelf::shelf() {
  works.reserve(kept_at_most);
}

messages::bar_work_ptr work_pool::take(std::size_t slices, std::size_t ticks) {
  std::unique_ptr<bar_work> work;
  {
    const std::lock_guard lock(shelf_->mutex);
    if (!shelf_->works.empty()) {
      work = std::move(shelf_->works.back());
      shelf_->works.pop_back();
    }
  }
  if (!work) work = std::make_unique<bar_work>();
  if (work->ticks.capacity() / too_large > ticks) give_back(work->ticks);
  work->ticks.resize(ticks);
  if (work->slice_room < slices || work->slice_room / too_large > slices) {
    work->slice_room = static_cast<std::uint32_t>(slices);
    work->slices = std::make_unique<bar_slice[]>(slices);
  }
  for (std::size_t i = 0; i < slices; ++i) make_like_new(work->slices[i]);
  work->slice_count = static_cast<std::uint32_t>(slices);
  work->open.store(work->slice_count, std::memory_order_relaxed);
  work->first = work->last = {};
  work->save_state = false;
  work->marks.clear();
  work->clock_before = 0;
  work->watched.clear();
  return {work.release(), [shelf = shelf_](bar_work* done) {
            std::unique_ptr<bar_work> w(done);
            const std::lock_guard lock(shelf->mutex);
            if (shelf->works.size() < kept_at_most) shelf->works.push_back(std::move(w));
          }};
}

}  // namespace artham::actors

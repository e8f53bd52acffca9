#include "actors/bars/work_maker.hpp"

#include <algorithm>
#include <utility>

#include "actors/bars/tick_stream.hpp"

namespace artham::actors {

using messages::bar_work_ptr;

std::uint32_t work_maker::add(std::uint32_t token) {
  const auto slot = slots_.slot(token);
  if (slot == tokens_.size()) {
    tokens_.push_back(token);
    watch_.push_back(0);
    counts_.push_back(0);
    included_.push_back(false);
    place_.push_back(0);
  }
  return slot;
}

void work_maker::include(std::uint32_t slot) {
  if (included_[slot]) return;
  included_[slot] = true;
  order_.push_back(slot);
}

bar_work_ptr work_maker::with_slices(std::size_t ticks) {
  if (!std::is_sorted(order_.begin(), order_.end())) std::sort(order_.begin(), order_.end());
  auto work = pool_.take(order_.size(), ticks);
  work->id = next_id_++;
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < order_.size(); ++i) {
    const auto slot = order_[i];
    auto& s = work->slices[i];
    s.slot = slot;
    s.watch = watch_[slot];
    s.first_tick = next;
    place_[slot] = next;
    next += counts_[slot];
    s.last_tick = next;
    counts_[slot] = 0;
    included_[slot] = false;
  }
  order_.clear();
  return work;
}

bar_work_ptr work_maker::request(std::span<const std::uint32_t> slots) {
  for (const auto slot : slots) include(slot);
  auto work = with_slices(0);
  work->clock_before = clock_;
  return work;
}

result<bar_work_ptr> work_maker::make(
    std::span<const record::block_ptr> blocks, std::vector<std::uint32_t>& added,
    const std::function<void(const std::function<void(std::uint32_t)>&)>& busy) {
  decoded_.clear();
  std::vector<market::mark> marks;
  const record::position first{blocks.front()->epoch, blocks.front()->first_seq};
  const auto clock_before = clock_;
  for (const auto& b : blocks) {
    auto done = decode_for_bars(*b, at_, decoder_, decoded_, marks);
    if (!done) return tl::unexpected(done.error());
    at_ = std::max(at_, b->last());
  }

  const auto known = slots();
  for (auto& t : decoded_) {
    t.slot = slots_.slot(t.token);
    if (t.slot == tokens_.size()) add(t.token);
    if (counts_[t.slot]++ == 0) include(t.slot);
  }
  bool everybody = false;
  for (const auto& m : marks) {
    if (m.kind == market::mark_kind::clock) {
      clock_ = std::max(clock_, m.time);
      continue;
    }
    // Each builder must see each mark that is not a clock; these are rare.
    everybody = true;
    if (m.kind == market::mark_kind::subscription && m.flag != 0) {
      for (const auto token : m.tokens) add(token);
    }
  }
  for (auto slot = known; slot < slots(); ++slot) added.push_back(slot);
  if (everybody) {
    for (std::uint32_t slot = 0; slot < slots(); ++slot) include(slot);
  } else if (clock_ != clock_before) {
    closes_.due(clock_, [this](std::uint32_t slot) { include(slot); });
    busy([this](std::uint32_t slot) { include(slot); });
  }

  auto work = with_slices(decoded_.size());
  work->first = first;
  work->last = at_;
  work->clock_before = clock_before;
  work->marks = std::move(marks);
  for (const auto& t : decoded_) work->ticks[place_[t.slot]++] = t;
  return work;
}

}  // namespace artham::actors

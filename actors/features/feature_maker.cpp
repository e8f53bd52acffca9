#include "actors/features/feature_maker.hpp"

#include <algorithm>
#include <utility>

#include "actors/features/quote_stream.hpp"

namespace artham::actors {

using messages::feature_work_ptr;

std::uint32_t feature_maker::add(const std::shared_ptr<const market::feature::group_plan>& group) {
  const auto [it, added] = slot_of_group_.try_emplace(group.get(), slots());
  if (added) groups_.push_back({group});
  return it->second;
}

std::uint32_t feature_maker::slot_of(std::uint32_t token) {
  const auto n = tokens_.slot(token);
  if (n == slot_of_token_.size()) {
    const auto slot = add(plan_->group_of(token));
    if (groups_[slot].token == 0) groups_[slot].token = token;
    slot_of_token_.push_back(slot);
  }
  return slot_of_token_[n];
}

void feature_maker::include(std::uint32_t slot) {
  if (std::exchange(groups_[slot].included, true)) return;
  order_.push_back(slot);
}

feature_work_ptr feature_maker::with_slices() {
  std::ranges::sort(order_);
  auto work = std::make_shared<messages::feature_work>();
  work->slice_count = static_cast<std::uint32_t>(order_.size());
  work->slices = std::make_unique<messages::feature_slice[]>(order_.size());
  work->open.store(work->slice_count, std::memory_order_relaxed);
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < order_.size(); ++i) {
    auto& g = groups_[order_[i]];
    auto& s = work->slices[i];
    s.slot = order_[i];
    s.watched = g.watched;
    s.first_quote = g.place = next;
    next += std::exchange(g.count, 0);
    s.last_quote = next;
    g.included = false;
  }
  order_.clear();
  return work;
}

feature_work_ptr feature_maker::request(std::uint32_t slot) {
  include(slot);
  auto work = with_slices();
  work->slices[0].watched = true;
  return work;
}

feature_work_ptr feature_maker::request_state() {
  for (std::uint32_t slot = 0; slot < slots(); ++slot) include(slot);
  auto work = with_slices();
  work->save_state = true;
  return work;
}

result<feature_work_ptr> feature_maker::make(std::span<const record::block_ptr> blocks,
                                             const std::set<std::uint32_t>& busy) {
  decoded_.clear();
  std::vector<market::mark> marks;
  const auto clock_before = clock_;
  const record::position first{blocks.front()->epoch, blocks.front()->first_seq};
  for (const auto& b : blocks) {
    auto done = decode_for_features(*b, at_, decoder_, clock_, decoded_, marks);
    if (!done) return tl::unexpected(done.error());
    at_ = std::max(at_, b->last());
  }
  for (auto& q : decoded_) {
    q.slot = slot_of(q.token);
    if (groups_[q.slot].count++ == 0) include(q.slot);
  }
  if (!marks.empty()) {
    due_.due(clock_, [this](std::uint32_t slot) { include(slot); });
    for (const auto slot : busy) include(slot);
  }
  auto work = with_slices();
  work->first = first;
  work->last = at_;
  work->clock_before = clock_before;
  work->marks = std::move(marks);
  work->quotes.resize(decoded_.size());
  for (const auto& q : decoded_) work->quotes[groups_[q.slot].place++] = q;
  return work;
}

}  // namespace artham::actors

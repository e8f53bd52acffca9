#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "actors/bars/close_heap.hpp"
#include "actors/bars/token_slots.hpp"
#include "feed/feed.hpp"
#include "market/feature/feature_plan.hpp"
#include "messages/feature_work.hpp"
#include "messages/record/record.hpp"

namespace artham::actors {

/// Cuts md:ticks into works for feature actors: decodes blocks, partitions their quotes by group
/// (stable counting sort), and decides which groups each work concerns. Knows no actor.
class feature_maker {
 public:
  feature_maker(const feed::decoder& decoder,
                std::shared_ptr<const market::feature::feature_plan> plan)
      : decoder_(decoder), plan_(std::move(plan)) {}

  /// Blocks behind `at()` become one work. `busy` holds slots that owe answers, whose next due is
  /// therefore not known.
  result<messages::feature_work_ptr> make(std::span<const record::block_ptr> blocks,
                                          const std::set<std::uint32_t>& busy);
  /// A work without records for one group: its live chains.
  [[nodiscard]] messages::feature_work_ptr request(std::uint32_t slot);
  /// A work without records for all groups: their state.
  [[nodiscard]] messages::feature_work_ptr request_state();

  /// `clock` is the newest clock mark up to there.
  void start_at(record::position at, market::timestamp clock) {
    at_ = at;
    clock_ = clock;
  }
  /// The slot of the group that this token's ticks go to.
  std::uint32_t slot_of(std::uint32_t token);
  /// The token by which `slot_of` found the group first; 0 while it has not.
  [[nodiscard]] std::uint32_t token(std::uint32_t slot) const { return groups_[slot].token; }
  /// The group's slot, a new one if it has none.
  std::uint32_t add(const std::shared_ptr<const market::feature::group_plan>& group);
  [[nodiscard]] const std::shared_ptr<const market::feature::group_plan>& group(
      std::uint32_t slot) const {
    return groups_[slot].plan;
  }
  [[nodiscard]] std::uint32_t slots() const { return static_cast<std::uint32_t>(groups_.size()); }
  void watch(std::uint32_t slot, bool wanted) { groups_[slot].watched = wanted; }
  /// What an actor said in its answer.
  void next_due(std::uint32_t slot, market::timestamp at) { due_.set(slot, at); }
  /// Everything up to here is in works.
  [[nodiscard]] record::position at() const { return at_; }
  /// The newest clock mark up to there.
  [[nodiscard]] market::timestamp clock() const { return clock_; }

 private:
  struct group_slot {
    std::shared_ptr<const market::feature::group_plan> plan;
    std::uint32_t token = 0;
    bool watched = false;
    bool included = false;
    std::uint32_t count = 0;  ///< quotes in the work that is being made
    std::uint32_t place = 0;  ///< where its next one goes
  };
  void include(std::uint32_t slot);
  [[nodiscard]] messages::feature_work_ptr with_slices();

  const feed::decoder& decoder_;
  std::shared_ptr<const market::feature::feature_plan> plan_;
  token_slots tokens_;
  std::vector<std::uint32_t> slot_of_token_;  ///< by token slot
  std::unordered_map<const market::feature::group_plan*, std::uint32_t> slot_of_group_;
  std::vector<group_slot> groups_;
  close_heap due_;
  record::position at_;
  market::timestamp clock_ = 0;
  std::vector<market::quote> decoded_;
  std::vector<std::uint32_t> order_;  ///< slots in this work
};

}  // namespace artham::actors

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "actors/bars/close_heap.hpp"
#include "actors/bars/token_slots.hpp"
#include "actors/bars/work_pool.hpp"
#include "feed/feed.hpp"
#include "messages/bar_work.hpp"
#include "messages/record/record.hpp"

namespace artham::actors {

/// Cuts md:ticks into works: decodes blocks, partitions their ticks by instrument (stable counting
/// sort), and decides which builders each work concerns. Knows no actor.
class work_maker {
 public:
  explicit work_maker(const feed::decoder& decoder) : decoder_(decoder) {}

  /// Blocks behind `at()` become one work. Slots that the work needs and that are new are appended
  /// to `added`. `busy(fn)` calls fn(slot) for builders that owe answers, whose next close is
  /// therefore not known.
  result<messages::bar_work_ptr> make(
      std::span<const record::block_ptr> blocks, std::vector<std::uint32_t>& added,
      const std::function<void(const std::function<void(std::uint32_t)>&)>& busy);
  /// A work without records for some builders: live bars or state.
  [[nodiscard]] messages::bar_work_ptr request(std::span<const std::uint32_t> slots);

  void start_at(record::position at, market::timestamp clock) {
    at_ = at;
    clock_ = clock;
  }
  std::uint32_t add(std::uint32_t token);
  [[nodiscard]] std::uint32_t find(std::uint32_t token) const { return slots_.find(token); }
  [[nodiscard]] std::uint32_t token(std::uint32_t slot) const { return tokens_[slot]; }
  [[nodiscard]] std::uint32_t slots() const { return slots_.size(); }
  void watch(std::uint32_t slot, std::uint32_t mask) { watch_[slot] = mask; }
  /// What a builder said in its answer.
  void next_close(std::uint32_t slot, market::timestamp at) { closes_.set(slot, at); }
  /// Everything up to here is in works.
  [[nodiscard]] record::position at() const { return at_; }
  /// The newest clock mark up to there.
  [[nodiscard]] market::timestamp clock() const { return clock_; }

 private:
  void include(std::uint32_t slot);
  [[nodiscard]] messages::bar_work_ptr with_slices(std::size_t ticks);

  const feed::decoder& decoder_;
  token_slots slots_;
  std::vector<std::uint32_t> tokens_;
  std::vector<std::uint32_t> watch_;
  close_heap closes_;
  record::position at_;
  market::timestamp clock_ = 0;
  std::uint64_t next_id_ = 1;

  work_pool pool_;
  std::vector<market::bar_input> decoded_;
  std::vector<std::uint32_t> counts_;  ///< per slot: ticks in this work
  std::vector<bool> included_;         ///< per slot
  std::vector<std::uint32_t> order_;   ///< slots in this work
  std::vector<std::uint32_t> place_;   ///< per slot: where its next tick goes
};

}  // namespace artham::actors

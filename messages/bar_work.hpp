#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "market/bar_aggregator.hpp"
#include "market/mark.hpp"
#include "market/tick.hpp"
#include "messages/record/dead_letter_codec.hpp"

namespace artham::messages {

/// What quarantines take from one builder's input.
struct left_out {
  std::vector<market::position> records;  ///< sorted
  /// Nothing from here on.
  market::position from = record::no_position;
};

/// One builder's part of a bar_work: which ticks are its own, and where it leaves what it made of
/// them. Only the builder writes the answer, and only the reader reads it, after the last slice of
/// the work was answered.
struct bar_slice {
  std::uint32_t slot = 0;
  std::uint32_t first_tick = 0;  ///< [first_tick, last_tick) of bar_work::ticks
  std::uint32_t last_tick = 0;
  std::uint32_t watch = 0;  ///< timeframes (bit mask) whose unfinished bars are wanted

  std::vector<market::closed_bar> closed;
  std::vector<market::closed_bar> live;
  market::timestamp next_close = market::never;
  market::bar_aggregator::counters counted;  ///< what became of the ticks
  std::string state;                         ///< bar_work::save_state: the aggregator as bytes
  std::uint32_t left_out = 0;                ///< ticks that a quarantine took

  /// Set by the reader before it sends a slice again that a builder died of: `at` then names each
  /// record while it is consumed.
  bool record_by_record = false;
  /// Where the builder is, for the reader when it has died; seq 0: not in this slice yet.
  market::position at;
  std::atomic<bool> answered{false};
};

/// A stretch of md:ticks, decoded and partitioned by instrument once (stable), shared by the
/// builders that have something to do in it. Immutable but for the answers in the slices.
struct bar_work {
  std::uint64_t id = 0;
  market::position first;  ///< seq 0: carries no records (a request for live bars or for state)
  market::position last;
  bool save_state = false;
  std::vector<market::bar_input> ticks;
  std::vector<market::mark> marks;
  market::timestamp clock_before = 0;   ///< the newest clock mark before `first`
  std::unique_ptr<bar_slice[]> slices;  ///< ascending by slot
  std::uint32_t slice_count = 0;
  std::uint32_t slice_room = 0;        ///< slices allocated
  std::vector<std::uint32_t> watched;  ///< slots of new watches that this work answers
  std::atomic<std::uint32_t> open{0};  ///< slices without an answer

  /// Where the slot's slice is, if the work concerns it.
  [[nodiscard]] std::optional<std::uint32_t> slice_of(std::uint32_t slot) const {
    const bar_slice* const begin = slices.get();
    const bar_slice* const end = begin + slice_count;
    const auto* const found = std::lower_bound(
        begin, end, slot, [](const bar_slice& s, std::uint32_t n) { return s.slot < n; });
    if (found == end || found->slot != slot) return std::nullopt;
    return static_cast<std::uint32_t>(found - begin);
  }

  /// Marks the slice answered; true for the last one of the work. Safe to call again for the same
  /// slice.
  bool answer(bar_slice& s) {
    if (s.answered.exchange(true, std::memory_order_acq_rel)) return false;
    return open.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }
};
using bar_work_ptr = std::shared_ptr<bar_work>;

}  // namespace artham::messages

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "market/feature/feature_group.hpp"
#include "market/mark.hpp"
#include "market/quote.hpp"

namespace artham::messages {

/// One group's part of a feature_work: which quotes are its own, and where its actor leaves what it
/// made of them. Only the actor writes the answer, and only the reader reads it, after the last
/// slice of the work was answered.
struct feature_slice {
  std::uint32_t slot = 0;
  std::uint32_t first_quote = 0;  ///< [first_quote, last_quote) of feature_work::quotes
  std::uint32_t last_quote = 0;
  bool watched = false;  ///< chains that changed are wanted at once

  market::feature::feature_rows rows;
  std::vector<market::feature::chain_row> live;
  market::timestamp next_due = market::never;
  market::feature::feature_group::counters counted;
  std::string state;  ///< feature_work::save_state: the group as bytes

  std::atomic<bool> answered{false};
};

/// A stretch of md:ticks, decoded and partitioned by group once (stable), shared by the feature
/// actors that have something to do in it. Immutable but for the answers in the slices.
struct feature_work {
  market::position first;  ///< seq 0: carries no records (a request for live chains or for state)
  market::position last;
  bool save_state = false;
  market::timestamp clock_before = 0;  ///< the newest clock mark before `first`
  market::position silent_until;       ///< what marks up to here make is in the stream already
  std::vector<market::quote> quotes;
  std::vector<market::mark> marks;          ///< clock marks
  std::unique_ptr<feature_slice[]> slices;  ///< ascending by slot
  std::uint32_t slice_count = 0;
  std::atomic<std::uint32_t> open{0};  ///< slices without an answer

  /// Marks the slice answered; true for the last one of the work.
  bool answer(feature_slice& s) {
    if (s.answered.exchange(true, std::memory_order_acq_rel)) return false;
    return open.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }
};
using feature_work_ptr = std::shared_ptr<feature_work>;

}  // namespace artham::messages

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "market/time.hpp"

namespace artham::actors {

/// When the next bar of each builder closes: which builders a clock mark concerns. Entries that
/// were overtaken are dropped when they come up.
class close_heap {
 public:
  void set(std::uint32_t slot, market::timestamp at) {
    if (slot >= next_.size()) next_.resize(slot + 1, market::never);
    if (next_[slot] == at) return;
    next_[slot] = at;
    if (at == market::never) return;
    heap_.emplace_back(at, slot);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  /// Calls fn(slot) for each builder with something to close at or before `clock`.
  template <class Fn>
  void due(market::timestamp clock, Fn&& fn) {
    while (!heap_.empty() && heap_.front().first <= clock) {
      const auto [at, slot] = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      heap_.pop_back();
      if (next_[slot] != at) continue;
      next_[slot] = market::never;
      fn(slot);
    }
  }

 private:
  std::vector<std::pair<market::timestamp, std::uint32_t>> heap_;
  std::vector<market::timestamp> next_;
};

}  // namespace artham::actors

#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "market/time.hpp"

namespace artham::market {

/// A bar that came or changed after it was final.
struct revised_bar {
  std::uint32_t timeframe = 0;
  std::uint32_t revision = 0;  ///< the last one given out
  timestamp start = 0;
  timestamp end = 0;  ///< of that revision
};

/// Counts the revisions of the bars of one instrument within the revision horizon.
class revision_book {
 public:
  /// Takes the next number for a bar that a late tick made or changed: after 0 if it is not known
  /// here and `given_out` with that number, else 0 if it is not known.
  std::uint32_t take(std::uint32_t timeframe, timestamp start, timestamp end, bool given_out);
  /// Whether the next number for the bar is another than 0.
  [[nodiscard]] bool knows(std::uint32_t timeframe, timestamp start) const;
  /// Forgets bars that ended at or before `floor`, but for those of which `needed(bar)` is true.
  template <class Fn>
  void forget(timestamp floor, Fn&& needed) {
    std::erase_if(bars_, [&](const revised_bar& r) { return r.end <= floor && !needed(r); });
  }

  /// In order of timeframe and start.
  [[nodiscard]] const std::vector<revised_bar>& bars() const { return bars_; }
  /// As they were saved.
  void restore(std::vector<revised_bar> bars) { bars_ = std::move(bars); }
  /// Whether `bars()` can be what this class made.
  [[nodiscard]] bool is_sorted() const;

 private:
  [[nodiscard]] std::vector<revised_bar>::const_iterator find(std::uint32_t timeframe,
                                                              timestamp start) const;

  std::vector<revised_bar> bars_;
};

}  // namespace artham::market

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/bar.hpp"
#include "market/calendar.hpp"
#include "market/mark.hpp"
#include "market/tick.hpp"
#include "market/timeframe.hpp"

namespace artham::market {

/// What all aggregators of a calendar share: the timeframes and what decides when a bar is final.
struct bar_plan {
  std::vector<timeframe> timeframes;  ///< sorted, distinct, no periods; at most 32
  duration lateness = 3 * second;     ///< a bar is final when a clock mark reaches end + lateness
  calendar_ptr cal;
  /// A tick that lies further behind the clock changes nothing; at least the lateness counts.
  duration revision_horizon = 15 * minute;
};

/// A bar that just became final by a clock mark, or changed after that by a late tick. One without
/// ticks withdraws an event bar that there is no more.
struct closed_bar {
  std::uint32_t timeframe = 0;  ///< index into bar_plan::timeframes
  position cause;
  market::bar bar;
};

/// Builds all bars of one instrument from its ticks and the marks of the stream (docs/bars.md).
/// A pure state machine: the same records in the same order give the same bars, wherever slices
/// are cut.
class bar_aggregator {
 public:
  struct counters {
    std::uint64_t ticks = 0;       ///< all that were given
    std::uint64_t duplicates = 0;  ///< byte-identical, first after a (re)connect or (re)subscribe
    std::uint64_t ahead = 0;       ///< too far ahead of market time
    std::uint64_t late = 0;        ///< changed a bar that was final
    std::uint64_t too_late = 0;    ///< behind the revision horizon: used by nothing
    std::uint64_t outside = 0;     ///< in no session

    [[nodiscard]] counters since(const counters& earlier) const;
  };

  bar_aggregator(std::shared_ptr<const bar_plan> plan, std::uint32_t token);
  bar_aggregator(bar_aggregator&&) noexcept;
  bar_aggregator& operator=(bar_aggregator&&) noexcept;
  ~bar_aggregator();

  /// Ticks of this instrument and marks of the stream, each in stream order, are merged by
  /// position. Every mark that is not a clock must be given. A clock mark may be left out when it
  /// lies in front of all ticks given here and below what `next_close()` says before this call;
  /// `clock_before` is the newest clock mark in front of the first record given here, left out or
  /// not. Appends final bars and revisions to `out`, ordered by (cause, timeframe, start).
  void consume(std::span<const bar_input> ticks, std::span<const mark> marks,
               timestamp clock_before, std::vector<closed_bar>& out);

  /// No clock mark below this closes anything; `never` when nothing is open.
  [[nodiscard]] timestamp next_close() const;
  /// Appends the newest unfinished bar of each timeframe whose bit is set in `mask`; its cause is
  /// its last tick.
  void live(std::uint32_t mask, std::vector<closed_bar>& out) const;
  [[nodiscard]] const counters& counts() const;
  /// Volume that belongs to no bar of the newest tick's trading day: what was traded before the
  /// first tick that counts, and what was outside of sessions after the open.
  [[nodiscard]] std::int64_t baseline_volume() const;
  [[nodiscard]] std::int64_t outside_volume() const;

  static constexpr std::uint8_t state_version = 4;
  /// Complete state as little-endian bytes with a version. `load` takes it off the front of `in`;
  /// it refuses another version (unsupported), another plan (conflict) and damage (corrupt).
  void save(std::string& out) const;
  [[nodiscard]] static result<bar_aggregator> load(std::shared_ptr<const bar_plan> plan,
                                                   std::string_view& in);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace artham::market

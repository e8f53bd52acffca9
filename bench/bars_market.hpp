#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "market/bar_aggregator.hpp"

namespace artham::bench {

/// One tick of the made-up market, in the form that every tool of the comparison gets.
struct plain_tick {
  std::uint32_t instrument = 0;   ///< 0 to instruments - 1
  std::int64_t microseconds = 0;  ///< since the open; no two ticks share one
  std::int64_t paise = 0;
  std::int64_t size = 0;  ///< traded since the instrument's tick before; 0 in half of all ticks
};

/// A market without end: random walks, ticks evenly spaced in time, each of a random instrument.
/// The same ticks for the same arguments.
class plain_market {
 public:
  plain_market(std::uint32_t instruments, std::uint32_t ticks_per_second);
  plain_tick next();

 private:
  std::uint64_t random();

  std::uint64_t state_ = 88172645463325252ULL;
  std::int64_t interval_;
  std::int64_t now_ = 0;
  std::vector<std::int64_t> paise_;
};

/// The opening of the market's only day, and how long it stays open.
inline constexpr market::timestamp market_open = 1'766'979'900 * market::second;
inline constexpr market::duration market_day = 6 * market::hour + 15 * market::minute;

/// The first of eight timeframes, of a calendar with one session a day.
[[nodiscard]] std::shared_ptr<const market::bar_plan> make_plan(std::size_t timeframes = 8);

/// A stretch of md:ticks as bar builders get it: ticks partitioned by instrument, and the marks.
struct tick_block {
  std::vector<market::bar_input> ticks;
  std::vector<std::uint32_t> first;  ///< per instrument: its first tick; one more at the end
  std::vector<market::mark> marks;
  market::timestamp clock_before = 0;
};

/// Makes blocks out of a market: numbers ticks and marks, sums sizes up to the day's volume, puts a
/// clock mark at every 250 ms. The first block begins with the subscription of all instruments.
class block_maker {
 public:
  block_maker(std::uint32_t instruments, std::uint32_t ticks_per_second);

  /// The next `count` ticks in stream order, and the marks between them.
  void next(std::size_t count, std::vector<market::bar_input>& ticks,
            std::vector<market::mark>& marks);
  /// A clock mark so late that every bar of the day is final.
  [[nodiscard]] market::mark end_of_day();

 private:
  void mark_clock(market::timestamp t, std::vector<market::mark>& marks);

  plain_market market_;
  std::vector<std::int64_t> volume_;
  market::timestamp next_clock_ = market_open;
  std::uint64_t seq_ = 1;
  bool subscribed_ = false;
};

/// Stable counting sort by instrument.
void partition(const std::vector<market::bar_input>& ticks, std::uint32_t instruments,
               tick_block& into);

}  // namespace artham::bench

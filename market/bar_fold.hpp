#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "market/bar.hpp"
#include "market/bar_zone.hpp"
#include "market/tick.hpp"

/// The rules of bars that need ticks in tick order only: inner part of bar_aggregator.
namespace artham::market {

/// What the marks said about the feed of an instrument when a tick came.
struct feed_coverage {
  timestamp since = never;   ///< subscribed without a gap since then; `never` when not
  std::uint32_t losses = 0;  ///< times that the feed was lost before
};

/// A tick as bars need it.
struct bar_tick {
  timestamp time = 0;
  std::int64_t volume_or_size = 0;
  std::uint64_t seq = 0;
  price last;
  std::int64_t oi = 0;
  std::uint32_t epoch = 0;
  std::uint16_t coverage = 0;  ///< which feed_coverage it came under
  std::uint8_t fields = 0;     ///< of bar_input::field

  [[nodiscard]] market::position position() const { return {epoch, seq}; }
};

/// Where a tick stands in tick order. A tick without cumulative volume stands before those of its
/// instant that have one, so that the order is total.
struct tick_key {
  timestamp time = INT64_MIN;
  std::int64_t volume = INT64_MIN;
  market::position position;
  friend auto operator<=>(const tick_key&, const tick_key&) = default;
};
template <class Tick>
[[nodiscard]] std::int64_t volume_key(const Tick& t) {
  return (t.fields & bar_input::volume) != 0 ? t.volume_or_size : INT64_MIN;
}
template <class Tick>
[[nodiscard]] tick_key key_of(const Tick& t) {
  return {t.time, volume_key(t), t.position()};
}

/// What a bar is made of; sums of neighbours add up to the sums of a longer bar.
struct bar_sums {
  timestamp start = 0;
  timestamp end = 0;
  int128 value = 0;  ///< sum of last price x volume
  position first, last;
  price open, high, low, close;
  std::int64_t volume = 0;
  std::int64_t oi = 0;
  std::int64_t oi_before = 0;  ///< last OI of the trading day before the first tick
  std::uint32_t ticks = 0;     ///< 0: no bar
  std::uint16_t flags = 0;
  std::uint8_t fields = 0;  ///< of bar::field; oi_change_known means that oi_before is

  void begin(timestamp from, timestamp to);
  void add(const bar_sums& later);
  [[nodiscard]] market::bar bar(std::uint32_t token) const;
};

struct passed_bar {
  std::uint32_t timeframe = 0;
  bar_sums sums;
};

/// Folds ticks, given in tick order, into the bars of every timeframe. Ticks go into the sums of a
/// segment, the longest stretch whose ticks share all their bars; only its end touches every
/// timeframe.
struct bar_fold {
  bar_zone zone;
  timestamp segment_end = INT64_MIN;
  timestamp bars_end =
      never;  ///< when the first of the open bars ends; `never` outside of sessions
  bar_sums segment;
  std::vector<bar_sums> open;      ///< one per time bar: the one that holds the segment
  std::vector<bar_sums> events;    ///< one per event bar (event_bars.hpp), none: ticks is 0
  std::vector<passed_bar> passed;  ///< tick order has left them, but they are not final yet

  // Of the trading day.
  std::int64_t baseline = 0;
  std::int64_t outside = 0;
  std::int64_t last_volume = 0;
  std::int64_t last_oi = 0;
  std::uint32_t last_volume_losses = 0;
  bool volume_seen = false;   ///< last_volume has a meaning
  bool baseline_set = false;  ///< a tick with volume came at or after the open
  bool blind = false;  ///< a tick without volume came at or after the open, before any with it
  bool oi_seen = false;

  explicit bar_fold(std::span<const timeframe> timeframes);

  /// The next tick in order.
  void add(const bar_tick& t, const feed_coverage& c, std::span<const timeframe> timeframes,
           const calendar& cal);
  /// The next ticks in order, all of one coverage.
  void add(std::span<const bar_tick> ticks, const feed_coverage& c,
           std::span<const timeframe> timeframes, const calendar& cal);
  /// Moves the segment's sums into the open bars.
  void close_segment();
  /// Calls fn(timeframe, sums) for each open bar that has a tick.
  template <class Fn>
  void for_each_open(Fn&& fn) const {
    std::uint32_t timeframe = 0;
    for (const auto* list : {&open, &events}) {
      for (const auto& sums : *list) {
        if (sums.ticks != 0) fn(timeframe, sums);
        ++timeframe;
      }
    }
  }

 private:
  void enter(timestamp t, std::span<const timeframe> timeframes, const calendar& cal);
  void new_day();
  std::size_t add_more(std::span<const bar_tick> ticks, std::uint8_t fields);
  void add_to_events(const bar_tick& t, std::int64_t step, std::uint16_t flags,
                     std::span<const timeframe> timeframes);
  std::int64_t traded(const bar_tick& t, const feed_coverage& c, std::uint16_t& flags);
};

}  // namespace artham::market

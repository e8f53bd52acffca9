#pragma once

#include <span>
#include <vector>

#include "market/bar_fold.hpp"

/// Bars that end when their ticks have reached a count, a volume, a value or a span of prices
/// (docs/bars.md): inner part of bar_fold. Bounds are whole microseconds, as clients get them, and
/// those of one timeframe never overlap, so that each bar has a start of its own.
namespace artham::market {

/// How many of a plan's timeframes are event bars; they are the last ones.
[[nodiscard]] std::size_t count_event_bars(std::span<const timeframe> timeframes);

/// No event bar that holds a tick of this time ends before.
[[nodiscard]] constexpr timestamp earliest_event_end(timestamp t) {
  return t / microsecond * microsecond + microsecond;
}

/// What a tick of a session does to the open event bars (`open`, one per timeframe in
/// `timeframes`): it goes into each, and those that it ends go to `passed`, where their timeframes
/// are numbered from `first_timeframe` on. `tick` is a bar of this tick alone.
void add_to_event_bars(std::span<bar_sums> open, std::span<const timeframe> timeframes,
                       std::uint32_t first_timeframe, const bar_sums& tick, timestamp time,
                       const bar_zone& zone, std::vector<passed_bar>& passed);

/// Tick order has left the session: what is open has ended with its close.
void end_event_bars(std::span<bar_sums> open, std::uint32_t first_timeframe,
                    std::vector<passed_bar>& passed);

}  // namespace artham::market

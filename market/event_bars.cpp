#include "market/event_bars.hpp"

#include <algorithm>

namespace artham::market {

namespace {

bool has_reached(const bar_sums& sums, const timeframe& tf) {
  switch (tf.kind) {
    case timeframe::unit::ticks:
      return sums.ticks >= tf.length;
    case timeframe::unit::volume:
      return sums.volume >= tf.length;
    case timeframe::unit::value:
      return sums.value >= static_cast<int128>(tf.length) * price_scale;
    case timeframe::unit::range:
      return static_cast<int128>(sums.high.units) - sums.low.units >= tf.length;
    case timeframe::unit::intraday:
    case timeframe::unit::trading_day:
    case timeframe::unit::week:
    case timeframe::unit::months:
      break;
  }
  return false;
}

/// An open bar without ticks keeps as its start what the next one may not start before.
void wait_for_a_tick(bar_sums& open) {
  const auto not_before = open.end;
  open.begin(not_before, not_before);
}

void begin(bar_sums& open, timestamp time, const bar_zone& zone) {
  const auto start = std::max(time / microsecond * microsecond, open.start);
  open.begin(start, std::max(zone.end, start + microsecond));
  if (zone.is_short) open.flags = static_cast<std::uint16_t>(bar_flag::short_session);
}

}  // namespace

std::size_t count_event_bars(std::span<const timeframe> timeframes) {
  return static_cast<std::size_t>(std::count_if(timeframes.begin(), timeframes.end(), is_event));
}

void add_to_event_bars(std::span<bar_sums> open, std::span<const timeframe> timeframes,
                       std::uint32_t first_timeframe, const bar_sums& tick, timestamp time,
                       const bar_zone& zone, std::vector<passed_bar>& passed) {
  for (std::uint32_t i = 0; i < open.size(); ++i) {
    auto& o = open[i];
    if (o.ticks == 0) begin(o, time, zone);
    o.add(tick);
    if (!has_reached(o, timeframes[i])) continue;
    o.end = std::max(earliest_event_end(time), o.start + microsecond);
    passed.push_back({first_timeframe + i, o});
    wait_for_a_tick(o);
  }
}

void end_event_bars(std::span<bar_sums> open, std::uint32_t first_timeframe,
                    std::vector<passed_bar>& passed) {
  for (std::uint32_t i = 0; i < open.size(); ++i) {
    auto& o = open[i];
    if (o.ticks == 0) continue;
    passed.push_back({first_timeframe + i, o});
    wait_for_a_tick(o);
  }
}

}  // namespace artham::market

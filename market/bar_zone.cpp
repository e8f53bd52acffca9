#include "market/bar_zone.hpp"

#include <algorithm>

#include "market/event_bars.hpp"

namespace artham::market {

bar_zone zone_at(const calendar& cal, timestamp t) {
  const auto today = cal.day_of(t);
  bar_zone zone;
  zone.begin = zone.day_begin = today.begin;
  zone.end = zone.day_end = today.end;
  if (!today.sessions.empty()) {
    zone.day_open = today.sessions.front().open;
    zone.day_close = today.sessions.back().close;
  }
  for (const auto& s : today.sessions) zone.has_short = zone.has_short || s.is_short;
  for (const auto& s : today.sessions) {
    if (t < s.open) {
      zone.end = s.open;
      return zone;
    }
    if (t < s.close) {
      zone.begin = s.open;
      zone.end = s.close;
      zone.in_session = true;
      zone.is_short = s.is_short;
      return zone;
    }
    zone.begin = s.close;
  }
  return zone;
}

bar_bounds bounds_of(const timeframe& tf, const bar_zone& zone, timestamp t) {
  if (tf.kind == timeframe::unit::trading_day) return {zone.day_open, zone.day_close};
  const auto start = zone.begin + (t - zone.begin) / tf.length * tf.length;
  return {start, std::min(start + tf.length, zone.end)};
}

timestamp earliest_end(std::span<const timeframe> timeframes, const bar_zone& zone, timestamp t) {
  auto end = never;
  for (const auto& tf : timeframes)
    end = std::min(end, is_event(tf) ? earliest_event_end(t) : bounds_of(tf, zone, t).end);
  return end;
}

}  // namespace artham::market

#include "market/bar_fold.hpp"

#include <algorithm>
#include <utility>

#include "market/event_bars.hpp"

namespace artham::market {

namespace {

constexpr std::uint16_t bit(bar_flag f) {
  return static_cast<std::uint16_t>(f);
}

}  // namespace

void bar_sums::begin(timestamp from, timestamp to) {
  *this = {};
  start = from;
  end = to;
}

void bar_sums::add(const bar_sums& later) {
  if (ticks == 0) {
    const auto own_flags = flags;
    const auto from = start;
    const auto to = end;
    *this = later;
    start = from;
    end = to;
    flags |= own_flags;
    return;
  }
  high = std::max(high, later.high);
  low = std::min(low, later.low);
  close = later.close;
  last = later.last;
  volume += later.volume;
  value += later.value;
  ticks += later.ticks;
  flags |= later.flags;
  if ((later.fields & bar::oi_known) != 0) oi = later.oi;
  fields |= later.fields & (bar::oi_known | bar::volume_known);
}

bar bar_sums::bar(std::uint32_t token) const {
  market::bar b;
  b.start = start;
  b.end = end;
  b.open = open;
  b.high = high;
  b.low = low;
  b.close = close;
  b.token = token;
  b.ticks = ticks;
  b.flags = flags;
  b.first = first;
  b.last = last;
  if ((fields & bar::volume_known) != 0) {
    b.fields |= bar::volume_known;
    b.volume = volume;
    if (volume > 0) {
      b.fields |= bar::vwap_known;
      b.vwap = {divide_half_even(value, volume)};
    }
  }
  if ((fields & bar::oi_known) != 0) {
    b.fields |= bar::oi_known;
    b.oi = oi;
    if ((fields & bar::oi_change_known) != 0) {
      b.fields |= bar::oi_change_known;
      b.oi_change = oi - oi_before;
    }
  }
  return b;
}

bar_fold::bar_fold(std::span<const timeframe> timeframes)
    : open(timeframes.size() - count_event_bars(timeframes)),
      events(count_event_bars(timeframes)) {}

void bar_fold::close_segment() {
  if (segment.ticks == 0) return;
  for (auto& o : open) o.add(segment);
  segment.begin(0, 0);
}

void bar_fold::new_day() {
  baseline = outside = last_volume = last_oi = 0;
  last_volume_losses = 0;
  volume_seen = baseline_set = blind = oi_seen = false;
}

void bar_fold::enter(timestamp t, std::span<const timeframe> timeframes, const calendar& cal) {
  close_segment();
  if (!zone.contains(t)) {
    if (!events.empty()) end_event_bars(events, static_cast<std::uint32_t>(open.size()), passed);
    const bool another_day = t >= zone.day_end;
    zone = zone_at(cal, t);
    if (another_day) new_day();
  }
  bars_end = never;
  for (std::uint32_t i = 0; i < open.size(); ++i) {
    auto& o = open[i];
    if (t >= o.end) {
      if (o.ticks != 0) passed.push_back({i, o});
      o.begin(0, 0);
      if (zone.in_session) {
        const auto bounds = bounds_of(timeframes[i], zone, t);
        o.begin(bounds.start, bounds.end);
        const bool whole_day = timeframes[i].kind == timeframe::unit::trading_day;
        if (whole_day ? zone.has_short : zone.is_short) o.flags = bit(bar_flag::short_session);
      }
    }
    if (zone.in_session) bars_end = std::min(bars_end, o.end);
  }
  segment_end = std::min(zone.end, bars_end);
}

std::int64_t bar_fold::traded(const bar_tick& t, const feed_coverage& c, std::uint16_t& flags) {
  const bool before_open = t.time < zone.day_open;
  if ((t.fields & bar_input::size) != 0) {
    if (before_open) baseline += t.volume_or_size;
    return t.volume_or_size;
  }
  if ((t.fields & bar_input::volume) == 0) {
    blind = blind || (!before_open && !baseline_set);
    return 0;
  }
  const auto before = std::exchange(last_volume, t.volume_or_size);
  const auto losses = std::exchange(last_volume_losses, c.losses);
  const bool first = !std::exchange(volume_seen, true);
  if (before_open) {
    baseline = last_volume;
    return 0;
  }
  std::int64_t step = 0;
  if (std::exchange(baseline_set, true)) {
    step = last_volume - before;
    if (step < 0) {
      flags |= bit(bar_flag::reset);
      return 0;
    }
  } else if (!first) {
    // The day's volume never falls: a higher baseline was yesterday's.
    if (last_volume < baseline) baseline = 0;
    step = last_volume - baseline;
  } else if (c.since < zone.day_open && !blind) {
    return last_volume;
  } else {
    baseline = last_volume;
    flags |= bit(bar_flag::partial);
    return 0;
  }
  if (step != 0 && losses != c.losses) flags |= bit(bar_flag::gap);
  return step;
}

void bar_fold::add(std::span<const bar_tick> ticks, const feed_coverage& c,
                   std::span<const timeframe> timeframes, const calendar& cal) {
  while (!ticks.empty()) {
    const auto fields = ticks.front().fields;
    add(ticks.front(), c, timeframes, cal);
    ticks = ticks.subspan(1);
    // Event bars look at each tick.
    if (zone.in_session && events.empty()) ticks = ticks.subspan(add_more(ticks, fields));
  }
}

/// Behind a tick of the same segment and coverage and with the same fields, all that another one
/// can change are prices and sums. Takes the ticks at the front of which that is so.
std::size_t bar_fold::add_more(std::span<const bar_tick> ticks, std::uint8_t fields) {
  const bool cumulative = (fields & (bar_input::volume | bar_input::size)) == bar_input::volume;
  const bool sized = (fields & bar_input::size) != 0;
  auto high = segment.high;
  auto low = segment.low;
  auto before = last_volume;
  std::int64_t volume = 0;
  int128 value = 0;
  std::size_t n = 0;
  for (; n < ticks.size(); ++n) {
    const auto& t = ticks[n];
    if (t.time >= segment_end || t.fields != fields) break;
    if (cumulative || sized) {
      const auto step = cumulative ? t.volume_or_size - before : t.volume_or_size;
      if (step < 0) break;
      before = t.volume_or_size;
      volume += step;
      value += static_cast<int128>(t.last.units) * step;
    }
    high = std::max(high, t.last);
    low = std::min(low, t.last);
  }
  if (n == 0) return 0;
  const auto& newest = ticks[n - 1];
  segment.high = high;
  segment.low = low;
  segment.close = newest.last;
  segment.last = newest.position();
  segment.ticks += static_cast<std::uint32_t>(n);
  segment.volume += volume;
  segment.value += value;
  if (cumulative) last_volume = before;
  if ((fields & bar_input::open_interest) != 0) segment.oi = last_oi = newest.oi;
  return n;
}

void bar_fold::add(const bar_tick& t, const feed_coverage& c, std::span<const timeframe> timeframes,
                   const calendar& cal) {
  if (t.time >= segment_end) enter(t.time, timeframes, cal);
  std::uint16_t flags = 0;
  const auto step = traded(t, c, flags);
  const bool has_oi = (t.fields & bar_input::open_interest) != 0;
  if (zone.in_session) {
    auto& s = segment;
    if (s.ticks++ == 0) {
      s.first = t.position();
      s.open = s.high = s.low = t.last;
      if (oi_seen) {
        s.fields |= bar::oi_change_known;
        s.oi_before = last_oi;
      }
    }
    s.last = t.position();
    s.high = std::max(s.high, t.last);
    s.low = std::min(s.low, t.last);
    s.close = t.last;
    s.flags |= flags;
    if ((t.fields & (bar_input::volume | bar_input::size)) != 0) {
      s.fields |= bar::volume_known;
      s.volume += step;
      s.value += static_cast<int128>(t.last.units) * step;
    }
    if (has_oi) {
      s.fields |= bar::oi_known;
      s.oi = t.oi;
    }
    if (!events.empty()) add_to_events(t, step, flags, timeframes);
  } else if (t.time >= zone.day_open) {
    outside += step;
  }
  if (has_oi) {
    oi_seen = true;
    last_oi = t.oi;
  }
}

void bar_fold::add_to_events(const bar_tick& t, std::int64_t step, std::uint16_t flags,
                             std::span<const timeframe> timeframes) {
  bar_sums one;
  one.ticks = 1;
  one.first = one.last = t.position();
  one.open = one.high = one.low = one.close = t.last;
  one.flags = flags;
  if ((t.fields & (bar_input::volume | bar_input::size)) != 0) {
    one.fields |= bar::volume_known;
    one.volume = step;
    one.value = static_cast<int128>(t.last.units) * step;
  }
  if ((t.fields & bar_input::open_interest) != 0) {
    one.fields |= bar::oi_known;
    one.oi = t.oi;
  }
  if (oi_seen) {
    one.fields |= bar::oi_change_known;
    one.oi_before = last_oi;
  }
  add_to_event_bars(events, timeframes.subspan(open.size()),
                    static_cast<std::uint32_t>(open.size()), one, t.time, zone, passed);
}

}  // namespace artham::market

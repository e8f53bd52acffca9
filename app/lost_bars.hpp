#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "market/bar_zone.hpp"
#include "market/calendar.hpp"
#include "store/store.hpp"

namespace artham::app {

/// The bars that the feed was lost in, as stretches in order that do not overlap, by instrument.
using lost_bars = std::map<std::uint32_t, std::vector<market::bar_bounds>>;

/// Of every gap the bars of `tf`, in sessions, for the instruments that were subscribed when it
/// came, as the marks of the journal tell. A gap that the journal has no longer concerns every
/// instrument that it names.
[[nodiscard]] result<lost_bars> find_lost_bars(
    bridge::bridge& journal, const feed::decoder& decoder, std::span<const store::gap_row> gaps,
    market::timeframe tf, const std::function<market::calendar_ptr(std::uint32_t)>& calendar_of);

}  // namespace artham::app

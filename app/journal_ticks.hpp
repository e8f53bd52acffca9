#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "market/mark.hpp"
#include "market/tick.hpp"

namespace artham::app {

/// A tick as it stands in a journal.
struct journaled_tick {
  market::timestamp receive = 0;
  market::timestamp wall = 0;
  market::bar_input core;
  std::string_view packet;  ///< Kite's; empty for packed ticks
};

/// Which records of md:ticks.
struct journal_part {
  record::position after;  ///< only behind it
  /// Blocks that hold no mark and none of these are passed over; empty: all are read.
  std::vector<std::uint32_t> tokens;
};

/// Calls for each tick and each mark of md:ticks, in order, until one of the functions returns
/// false.
[[nodiscard]] result<void> for_each_in(bridge::bridge& journal, const feed::decoder& decoder,
                                       const std::function<bool(const journaled_tick&)>& on_tick,
                                       const std::function<bool(const market::mark&)>& on_mark,
                                       const journal_part& part = {});

}  // namespace artham::app

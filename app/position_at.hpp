#pragma once

#include "bridge/bridge.hpp"

namespace artham::app {

/// The last record of md:ticks that was received at or before `t` in market time, zeros when there
/// is none; errc::not_found when retention removed what came by then. Looks at some thirty blocks,
/// however long the journal is.
[[nodiscard]] result<record::position> position_at(bridge::bridge& journal, market::timestamp t);

/// Where md:ticks begins: (1, 1) or so, or behind what retention removed; zeros when it is empty.
struct journal_begin {
  record::position first;
  market::timestamp from = 0;  ///< received, market time
};
[[nodiscard]] result<journal_begin> kept_from(bridge::bridge& journal);

}  // namespace artham::app

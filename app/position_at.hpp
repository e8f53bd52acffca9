#pragma once

#include "bridge/bridge.hpp"

namespace artham::app {

/// The last record of md:ticks that was received at or before `t` in market time, zeros when there
/// is none. Looks at some thirty blocks, however long the journal is.
[[nodiscard]] result<record::position> position_at(bridge::bridge& journal, market::timestamp t);

}  // namespace artham::app

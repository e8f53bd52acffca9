#pragma once

#include <cstdint>

#include "app/bar_check.hpp"
#include "app/findings.hpp"
#include "bridge/bridge.hpp"
#include "store/audit.hpp"

namespace artham::app {

/// Compares the tick table with md:ticks up to where it is stored: each journaled tick is there
/// once, as it was. Ticks in front of the first row are told, not held against the table: it may
/// have been switched on later. Returns the number of rows, 0 when no ticks are kept as rows.
[[nodiscard]] result<std::uint64_t> check_ticks(store::audit& stored, bridge::bridge& journal,
                                                record::position stored_until,
                                                const check_context& context, findings& found);

}  // namespace artham::app

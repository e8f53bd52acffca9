#pragma once

#include "messages/record/tick_part.hpp"

namespace artham::feed::kite {

/// Cuts frames between packets. A packet of an unknown length goes with the one before it (the
/// first ones to shard 0); what is no whole packet goes with the last one, behind what decoders
/// read.
[[nodiscard]] record::tick_cutter frame_cutter();

}  // namespace artham::feed::kite

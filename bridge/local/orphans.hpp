#pragma once

#include "bridge/local/opening.hpp"

namespace artham::bridge::local {

/// Moves what lies behind `o.keep_until` out of the streams, and finishes what an earlier opening
/// began. A crash leaves each record in one of the two places, or in both until the next opening.
[[nodiscard]] result<void> move_orphans(const options& o, stream_map& streams,
                                        runtime::metrics& metrics, open_report& report);

/// Once what was derived from it is cut, too: the next opening has nothing to finish.
[[nodiscard]] result<void> end_moving(const stream_map& streams);

}  // namespace artham::bridge::local

#pragma once

#include <vector>

#include "feed/feed.hpp"
#include "messages/record/record.hpp"

namespace artham::actors {

/// What a block of md:ticks holds behind `after`, decoded for bars: ticks in stream order are
/// appended to `ticks`, marks to `marks`. errc::corrupt when a record's body breaks its own rules
/// (its block has passed the checksum).
[[nodiscard]] result<void> decode_for_bars(const record::block& b, record::position after,
                                           const feed::decoder& decoder,
                                           std::vector<market::bar_input>& ticks,
                                           std::vector<market::mark>& marks);

}  // namespace artham::actors

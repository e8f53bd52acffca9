#pragma once

#include <vector>

#include "feed/feed.hpp"
#include "market/mark.hpp"
#include "market/quote.hpp"
#include "messages/record/record.hpp"

namespace artham::actors {

/// What a block of md:ticks holds behind `after`, decoded for features: quotes in stream order are
/// appended to `quotes`, clock marks to `marks`. Marks that do not move `clock` on are left out (a
/// start repeats the time of the last one), so that there is one evaluation at each time.
/// errc::corrupt when a record's body breaks its own rules.
[[nodiscard]] result<void> decode_for_features(const record::block& b, record::position after,
                                               const feed::decoder& decoder,
                                               market::timestamp& clock,
                                               std::vector<market::quote>& quotes,
                                               std::vector<market::mark>& marks);

}  // namespace artham::actors

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "market/indicator/spec.hpp"
#include "web/api/period_bars.hpp"
#include "web/api/query.hpp"

/// `/v1/bars?indicators=`: computed from the last revisions of final bars when they are asked for.
namespace artham::web {

using indicator_specs = std::vector<market::indicator::spec>;
using column_names = std::vector<std::string>;
using calendar_source = std::function<market::calendar_ptr(std::uint32_t token)>;
using bars_source = std::function<result<std::vector<served_bar>>(const store::bar_query&)>;

/// `indicators`; none when absent. Refused with all revisions of bars, as is a VWAP of bars that
/// are not shorter than the trading day with which it begins anew.
[[nodiscard]] result<indicator_specs> read_indicators(const text_pairs& query,
                                                      market::timeframe timeframe,
                                                      bool all_revisions);

/// Adds the values to rows, which are in order of start; `q` is what they were read by. Bars before
/// the first one are read as far as there are any: `bars_before` the longest indicator, and for a
/// VWAP the trading day. A bar that is not final gets none.
[[nodiscard]] result<void> add_indicators(std::vector<served_bar>& rows, const store::bar_query& q,
                                          const indicator_specs& specs,
                                          const calendar_source& calendar_of,
                                          const bars_source& read);

/// Puts the member `indicators` into the object of a bar that ends `out`; what is not known is left
/// out. Without names, nothing. The next two extend a line of CSV that ends `out` by columns.
void append_indicator_json(std::string& out, const served_bar& row, const column_names& names);
void append_indicator_header(std::string& out, const column_names& names);
void append_indicator_csv(std::string& out, const served_bar& row, const column_names& names);

}  // namespace artham::web

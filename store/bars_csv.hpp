#pragma once

#include <string>
#include <string_view>

#include "market/bar.hpp"
#include "market/time.hpp"

/// Bars as CSV: what `artham replay` writes into bars_{tf}.csv and `/v1/bars?format=csv` answers.
namespace artham::store {

inline constexpr std::string_view bars_csv_header =
    "instrument_token,bar_start,open,high,low,close,volume,oi,oi_change,vwap,ticks,flags,"
    "revision\n";

/// Appends one row and its newline. bar_start is RFC 3339 at `utc_offset`; prices are exact
/// decimals without trailing zeros; a field that the bar does not have is empty; flags are joined
/// by `|`.
void append_bar_csv(std::string& out, const market::bar& b, market::duration utc_offset);

}  // namespace artham::store

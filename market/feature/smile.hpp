#pragma once

#include "market/feature/rows.hpp"

namespace artham::market::feature {

/// Adds what the valued options of a chain tell of its smile: ATM strike and volatility, straddle,
/// 25-delta risk reversal and butterfly.
void read_smile(chain_row& c);

/// Adds what open interest and volumes tell: put-call ratios, max pain, GEX and their sums.
/// `underlying` is the price that gamma belongs to.
void read_positions(chain_row& c, double underlying);

}  // namespace artham::market::feature

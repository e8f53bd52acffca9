#pragma once

#include <cstdint>
#include <string_view>

#include "feed/recording/column.hpp"
#include "market/error.hpp"
#include "market/tick.hpp"

namespace artham::feed::recording {

/// One row of a tick CSV.
struct tick_row {
  std::uint64_t line = 0;  ///< in the file, from 1
  /// Mode index_full for tokens of the index segment, else full; fields without a cell are zero.
  /// `last_quantity`, `volume`, `buy_quantity` and `sell_quantity` are in units of
  /// 10^-quantity_digits.
  market::tick tick;
  market::timestamp receive_time = 0;
  column_set present;  ///< the cells that were there and not empty

  [[nodiscard]] bool has(column c) const { return present[index_of(c)]; }
};

/// What a bar's volume is made of.
enum class volume_use : std::uint8_t {
  cumulative,  ///< differences of volume_traded, the day's running total
  sizes,       ///< the sum of last_traded_quantity: every row is a trade
};

/// The row as bars take it, with all nine digits of its time. Volume and OI are absent where the
/// row has no cell for them. Position, digest and slot are the caller's.
[[nodiscard]] market::bar_input to_bar_input(const tick_row& row, volume_use volume);

/// The row as a tick that Kite's wire can carry in any mode of its kind. Refuses, naming file, line
/// and field, parts of a second, prices that are no multiple of the segment's step, quantities out
/// of 32 bits, and quantities, OI or depth of an index.
[[nodiscard]] result<market::tick> to_kite(const tick_row& row, std::string_view file);

}  // namespace artham::feed::recording

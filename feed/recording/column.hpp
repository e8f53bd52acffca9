#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace artham::feed::recording {

/// The columns of a tick CSV, by Kite's own field names.
enum class column : std::uint8_t {
  exchange_timestamp,
  instrument_token,
  last_price,
  last_traded_quantity,
  volume_traded,
  oi,
  average_traded_price,
  total_buy_quantity,
  total_sell_quantity,
  open,
  high,
  low,
  close,
  last_trade_time,
  receive_timestamp,
  oi_day_high,
  oi_day_low,
  depth,  ///< the first of thirty: depth_{buy,sell}_{0..4}_{price,quantity,orders}
};

inline constexpr std::size_t depth_columns = 30;
inline constexpr std::size_t column_count = static_cast<std::size_t>(column::depth) + depth_columns;

/// Which column of a tick CSV, depth included: an index below column_count.
using column_index = std::size_t;
using column_set = std::bitset<column_count>;

[[nodiscard]] constexpr column_index index_of(column c) {
  return static_cast<column_index>(c);
}

/// What a depth column holds.
struct depth_cell {
  enum class part : std::uint8_t { price, quantity, orders };
  bool is_buy;
  std::size_t level;
  part what;
};
/// Pre: index >= index_of(column::depth).
[[nodiscard]] constexpr depth_cell depth_cell_of(column_index index) {
  const std::size_t at = index - index_of(column::depth);
  return {at < depth_columns / 2, at / 3 % 5, static_cast<depth_cell::part>(at % 3)};
}

[[nodiscard]] const std::string& column_name(column_index index);
[[nodiscard]] std::optional<column_index> find_column(std::string_view name);

}  // namespace artham::feed::recording

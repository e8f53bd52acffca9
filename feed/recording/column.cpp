#include "feed/recording/column.hpp"

#include <algorithm>
#include <array>

namespace artham::feed::recording {

namespace {

using names = std::array<std::string, column_count>;

names make_names() {
  names out{"exchange_timestamp",
            "instrument_token",
            "last_price",
            "last_traded_quantity",
            "volume_traded",
            "oi",
            "average_traded_price",
            "total_buy_quantity",
            "total_sell_quantity",
            "open",
            "high",
            "low",
            "close",
            "last_trade_time",
            "receive_timestamp",
            "oi_day_high",
            "oi_day_low"};
  constexpr const char* parts[] = {"_price", "_quantity", "_orders"};
  for (column_index i = index_of(column::depth); i < column_count; ++i) {
    const auto cell = depth_cell_of(i);
    out[i] = std::string(cell.is_buy ? "depth_buy_" : "depth_sell_") + std::to_string(cell.level) +
             parts[static_cast<std::size_t>(cell.what)];
  }
  return out;
}

const names& all_names() {
  static const names all = make_names();
  return all;
}

}  // namespace

const std::string& column_name(column_index index) {
  return all_names()[index];
}

std::optional<column_index> find_column(std::string_view name) {
  const auto& all = all_names();
  const auto found = std::find(all.begin(), all.end(), name);
  if (found == all.end()) {
    return std::nullopt;
  }
  return static_cast<column_index>(found - all.begin());
}

}  // namespace artham::feed::recording

#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "market/timeframe.hpp"

namespace artham::store {

inline constexpr std::string_view bar_table_prefix = "bars_";

/// `bars_5m`, and `bars_2_5r` for 2.5r: a name that needs no quotes. Of timeframes that are stored
/// no two differ by case alone, so it does no harm that SQL folds `bars_1D` to `bars_1d`.
[[nodiscard]] inline std::string bar_table(market::timeframe tf) {
  auto name = std::string(bar_table_prefix) + market::to_string(tf);
  std::ranges::replace(name, '.', '_');
  return name;
}
/// The other way round, folded or not; none for a table of something else.
[[nodiscard]] inline std::optional<market::timeframe> timeframe_of_table(std::string_view name) {
  if (!name.starts_with(bar_table_prefix)) return std::nullopt;
  std::string text(name.substr(bar_table_prefix.size()));
  std::ranges::replace(text, '_', '.');
  if (text.ends_with('d')) text.back() = 'D';
  const auto tf = market::parse_timeframe(text);
  return tf ? std::optional(*tf) : std::nullopt;
}

}  // namespace artham::store

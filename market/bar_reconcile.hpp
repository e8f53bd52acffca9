#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "market/bar.hpp"
#include "market/bar_zone.hpp"

namespace artham::market {

/// Why an own bar differs from the exchange's; the first that applies.
enum class difference_class : std::uint8_t {
  official_close,     ///< a day's close, or more volume: the exchange's own, auctions included
  missed_in_gap,      ///< our bar is flagged `gap`, or a recorded gap lies in it
  volume_timing,      ///< neighbouring bars differ in volume, and their sums agree
  conflated_extreme,  ///< our high or low lies inside theirs: ticks are snapshots
  missing,            ///< no bar of ours
  surplus,            ///< no bar of theirs
  other,
};
inline constexpr std::array<difference_class, 7> difference_classes{
    difference_class::official_close, difference_class::missed_in_gap,
    difference_class::volume_timing,  difference_class::conflated_extreme,
    difference_class::missing,        difference_class::surplus,
    difference_class::other};
[[nodiscard]] std::string_view to_string(difference_class c);

/// One column of one bar that differs; column `bar` when one of the two has no such bar.
struct bar_difference {
  timestamp start = 0;
  std::string_view column;
  std::optional<std::int64_t> own;
  std::optional<std::int64_t> official;
  difference_class why = difference_class::other;
};

/// Compares own bars of an instrument and timeframe with the exchange's; both in order of start.
/// Volume that we have none of equals 0; OI is compared where both have it. `gaps` are stretches of
/// lost feed, in any order.
[[nodiscard]] std::vector<bar_difference> reconcile(std::span<const bar> own,
                                                    std::span<const bar> official,
                                                    std::span<const bar_bounds> gaps, timeframe tf);

}  // namespace artham::market

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "market/feature/feature_plan.hpp"

namespace artham::actors {

/// Whose chains the key is about; null: of none. `plan`: null where there are no chains.
[[nodiscard]] const market::feature::group_plan* underlying_of(
    std::uint64_t key, const market::feature::feature_plan* plan);

/// Appends the instruments that the values of a key come from: a chain's, or of one of its options,
/// are the underlying, its futures and all options of the expiry.
void add_instruments(std::uint64_t key, const market::feature::feature_plan* plan,
                     std::vector<std::uint32_t>& tokens);

/// Whether any of them is among `tokens`, which rise.
[[nodiscard]] bool comes_from(std::uint64_t key, const market::feature::feature_plan* plan,
                              std::span<const std::uint32_t> tokens);

}  // namespace artham::actors

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "market/feature/feature_plan.hpp"

namespace artham::actors {

/// Whose chains a key is about; null: of none.
[[nodiscard]] const market::feature::group_plan* underlying_of(
    std::uint64_t key, const market::feature::feature_plan* plan);
/// Appends the instruments that a key's messages are made of.
void append_tokens_of(std::uint64_t key, const market::feature::feature_plan* plan,
                      std::vector<std::uint32_t>& tokens);
/// One of them is among these, which are sorted.
[[nodiscard]] bool is_made_of(std::uint64_t key, const market::feature::feature_plan* plan,
                              const std::vector<std::uint32_t>& tokens);

}  // namespace artham::actors

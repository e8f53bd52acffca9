#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "market/alert/number.hpp"
#include "market/bar.hpp"
#include "market/feature/rows.hpp"
#include "market/mark.hpp"
#include "market/tick.hpp"

namespace artham::market::alert {

/// What a rule watches.
enum class subject : std::uint8_t { tick, bar, greeks, chain, gap };
[[nodiscard]] std::string_view to_string(subject s);

inline constexpr std::size_t max_fields = 24;

/// Names of the fields that a subject's conditions may use, in the order of `values`.
[[nodiscard]] std::span<const std::string_view> fields_of(subject s);

/// What a record says, by field; nothing where it does not say it.
using values = std::array<std::optional<number>, max_fields>;

[[nodiscard]] values values_of(const tick& t);
/// Of a tick that comes without its packet: what bars need of it.
[[nodiscard]] values values_of(const bar_input& t);
[[nodiscard]] values values_of(const bar& b);
[[nodiscard]] values values_of(const feature::option_row& o);
[[nodiscard]] values values_of(const feature::chain_row& c);
/// Of a gap mark.
[[nodiscard]] values values_of(const mark& gap);

}  // namespace artham::market::alert

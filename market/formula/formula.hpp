#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "market/error.hpp"
#include "market/price.hpp"
#include "market/time.hpp"

/// Instruments that are computed from others: docs/formulas.md has the rules.
namespace artham::market::formula {

/// A leg and how often it counts.
struct term {
  std::int64_t coefficient = 0;  ///< in units of 1e-9
  std::string key;               ///< `NSE:NIFTY 50`
  friend bool operator==(const term&, const term&) = default;
};

/// `0.5 * NSE:INFY - [NSE:NIFTY 50] + 100`
struct weighted_sum {
  std::vector<term> terms;
  price constant;
  friend bool operator==(const weighted_sum&, const weighted_sum&) = default;
};

/// Call and put at the listed strike that is nearest to the spot.
struct rolling_straddle {
  std::string underlying;
  std::optional<date> expiry;  ///< none: the nearest one that is not past
  friend bool operator==(const rolling_straddle&, const rolling_straddle&) = default;
};

/// A formula as it is written: `NAME = straddle(UNDERLYING, EXPIRY)` or `NAME = a sum of terms`.
struct formula {
  std::string name;
  std::variant<weighted_sum, rolling_straddle> what;
  friend bool operator==(const formula&, const formula&) = default;
};

inline constexpr std::size_t max_formulas = 1000;
inline constexpr std::size_t max_legs = 64;
inline constexpr std::size_t max_name = 40;
inline constexpr std::int64_t max_coefficient = 1'000'000;

/// The error names the formula, the place in it, and what is accepted there.
[[nodiscard]] result<formula> parse_formula(std::string_view text);
/// Likewise all of a list; refuses a name that is given twice.
[[nodiscard]] result<std::vector<formula>> parse_formulas(std::span<const std::string> texts);
/// Splits at the commas that stand in no brackets.
[[nodiscard]] std::vector<std::string> split_formulas(std::string_view text);

}  // namespace artham::market::formula

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "market/option/option.hpp"

/// Many options at a time, as structures of arrays. Every result has the bits of the scalar
/// functions in option.hpp, on every instruction set.
namespace artham::market::option {

/// Columns of one length. `type` holds +1 for calls and -1 for puts.
struct columns {
  std::span<const double> type, underlying, strike, years, rate, dividend;
};

struct value_columns {
  std::span<double> price, delta, gamma, theta, vega, rho;
  std::span<state> is;
};

enum class instruction_set : std::uint8_t { baseline, avx2, avx512 };
/// What this machine can run, narrowest first.
[[nodiscard]] std::vector<instruction_set> instruction_sets();

/// All columns, `volatility` and the outputs must have one length.
void value(pricing model, const columns& options, std::span<const double> volatility,
           const value_columns& out);
void value(pricing model, const columns& options, std::span<const double> volatility,
           const value_columns& out, instruction_set with);

void implied_volatility(pricing model, const columns& options, std::span<const double> price,
                        std::span<double> volatility, std::span<state> is);
void implied_volatility(pricing model, const columns& options, std::span<const double> price,
                        std::span<double> volatility, std::span<state> is, instruction_set with);

}  // namespace artham::market::option

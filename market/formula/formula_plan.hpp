#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "market/calendar.hpp"
#include "market/formula/formula.hpp"
#include "market/instrument.hpp"

namespace artham::market::formula {

struct bound_term {
  std::int64_t coefficient = 0;  ///< in units of 1e-9
  std::uint32_t token = 0;
};
struct bound_sum {
  std::vector<bound_term> terms;
  price constant;
};

struct listed_strike {
  price strike;
  std::uint32_t call = 0;
  std::uint32_t put = 0;
};
struct listed_expiry {
  date day;
  std::vector<listed_strike> strikes;  ///< ascending; those with call and put
};
struct bound_straddle {
  std::uint32_t spot = 0;
  std::vector<listed_expiry> expiries;  ///< ascending; one where the formula names it
};

/// A formula with its legs as tokens.
struct bound_formula {
  std::string name;
  std::uint32_t token = 0;
  std::string exchange;  ///< of the first leg; of a straddle that of its options
  calendar_ptr cal;
  std::variant<bound_sum, bound_straddle> what;
};

/// The token of a synthetic instrument: 255, which no exchange has, in the low byte, and a hash of
/// the name in the others.
[[nodiscard]] std::uint32_t token_of(std::string_view name);

/// Formulas over an exchange's list of instruments.
class formula_plan {
 public:
  using calendar_of_exchange = std::function<calendar_ptr(std::string_view exchange)>;
  /// Refuses unknown legs, underlyings and expiries, and tokens that are taken.
  [[nodiscard]] static result<std::shared_ptr<const formula_plan>> make(
      std::span<const formula> formulas, std::span<const instrument> list,
      const calendar_of_exchange& calendar_of);

  [[nodiscard]] const std::vector<bound_formula>& formulas() const { return formulas_; }
  /// `SYN:NAME` for each formula.
  [[nodiscard]] std::vector<instrument> instruments() const;
  /// What must be subscribed: of a straddle its options up to the second expiry from today on, so
  /// that it rolls while the program runs, and works for a market that is behind today.
  [[nodiscard]] std::vector<std::uint32_t> legs(date today) const;

 private:
  std::vector<bound_formula> formulas_;
};

}  // namespace artham::market::formula

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "market/formula/formula_plan.hpp"
#include "market/quote.hpp"
#include "market/tick.hpp"

namespace artham::market::formula {

/// The mid where both sides are quoted and not crossed, else the last price; 0: there is none.
[[nodiscard]] price leg_price(const quote& q);

/// Computes the ticks of synthetic instruments from the quotes of their legs, frame by frame in
/// journal order.
///
/// A formula ticks once per frame that has a quote of one of its legs: the last state of the frame,
/// at the exchange time of the last such quote, not before its own last tick. It is silent, and
/// counted, while a leg was not heard of in the present trading day, has no price, or is older
/// than `stale` by exchange time than the newest leg. A straddle's legs are the spot and the
/// call and put at the listed strike nearest to it, of two the lower one.
class formula_engine {
 public:
  formula_engine(std::shared_ptr<const formula_plan> plan, duration stale);

  /// Whether any of the tokens is a leg: else `take` has nothing to do.
  [[nodiscard]] bool concerns(std::span<const std::uint32_t> tokens) const;
  /// The quotes of one frame. Appends the ticks that follow, in the order of the formulas;
  /// `slot` is the formula's number.
  void take(std::span<const quote> quotes, std::vector<bar_input>& ticks);
  /// Quotes were lost: every leg must be heard of anew.
  void forget();

  [[nodiscard]] const formula_plan& plan() const { return *plan_; }
  /// By the formula's number: frames in which it was silent though a leg came.
  [[nodiscard]] const std::vector<std::uint64_t>& silent() const { return silent_; }

 private:
  using leg = std::uint32_t;  ///< index into held_

  struct strike_legs {
    price strike;
    leg call = 0;
    leg put = 0;
  };
  struct expiry_legs {
    date day;
    std::vector<strike_legs> strikes;
  };
  struct state {
    std::vector<std::int64_t> coefficients;
    std::vector<leg> legs;              ///< of a sum: all; of a straddle: spot, call and put now
    price constant;                     ///< of a sum
    std::vector<expiry_legs> expiries;  ///< of a straddle
    trading_day day;                    ///< the one of the newest leg
    timestamp last_time = 0;            ///< of its last tick
  };

  void add(const bound_formula& f);
  leg leg_of(std::uint32_t token, std::uint32_t formula);
  /// Takes a quote that is not older than what is held.
  [[nodiscard]] bool hold(leg l, const quote& q);
  void enter_day(state& s, std::uint32_t formula, timestamp t) const;
  void choose_strike(state& s, std::uint32_t formula) const;
  /// The last of this frame's quotes that is of a leg; null: none.
  [[nodiscard]] const quote* cause_of(const state& s) const;
  [[nodiscard]] bool is_fresh(state& s, std::uint32_t formula) const;
  [[nodiscard]] bool value_of(const state& s, price& out) const;

  std::shared_ptr<const formula_plan> plan_;
  duration stale_;
  std::vector<state> states_;
  std::unordered_map<std::uint32_t, leg> legs_;
  std::vector<quote> held_;                        ///< by leg; token 0: not heard of
  std::vector<std::vector<std::uint32_t>> users_;  ///< formulas by leg
  std::vector<std::uint64_t> silent_;
  std::vector<leg> changed_;              ///< in this frame, in order
  std::vector<std::uint32_t> concerned_;  ///< formulas
};

}  // namespace artham::market::formula

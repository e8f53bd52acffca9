#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "market/feature/feature_plan.hpp"
#include "market/feature/rows.hpp"

namespace artham::actors {

/// The newest chain of every underlying and expiry, and where each option stands in them.
class chain_board {
 public:
  explicit chain_board(std::shared_ptr<const market::feature::feature_plan> plan)
      : plan_(std::move(plan)) {}

  struct shown {
    market::feature::chain_row row;
    bool final = true;  ///< a clock mark made it
  };
  struct shown_option {
    const shown* chain;
    const market::feature::option_row* option;
  };

  /// The chain's key (messages::chain_key); none when its underlying is not in the plan, or when it
  /// is a live one and what is shown is newer. Those of marks come in their order, and may be older
  /// than a live one where the exchange's clock is ahead of ours.
  std::optional<std::uint64_t> take(market::feature::chain_row row, bool final);
  [[nodiscard]] const shown* chain(std::uint64_t key) const;
  [[nodiscard]] std::optional<shown_option> option(std::uint32_t token) const;

  /// The number that stands for an underlying in keys.
  [[nodiscard]] static std::optional<std::uint32_t> number_of(
      const market::feature::feature_plan& plan, std::string_view underlying);
  [[nodiscard]] static const market::feature::group_plan* group(
      const market::feature::feature_plan& plan, std::uint32_t number);
  /// Whose chain an option belongs to.
  [[nodiscard]] static const market::feature::group_plan* group_of_option(
      const market::feature::feature_plan& plan, std::uint32_t token);

 private:
  struct place {
    std::uint64_t key;
    std::size_t index;
  };
  std::shared_ptr<const market::feature::feature_plan> plan_;
  std::unordered_map<std::uint64_t, shown> chains_;
  std::unordered_map<std::uint32_t, place> options_;
};

}  // namespace artham::actors

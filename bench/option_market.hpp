#pragma once

#include <functional>
#include <vector>

#include "market/option/batch.hpp"

/// What benchmarks of options price.
namespace option_bench {

struct market {
  std::vector<double> type, underlying, strike, years, rate, dividend, volatility;

  [[nodiscard]] std::size_t size() const { return type.size(); }
  [[nodiscard]] artham::market::option::columns view() const {
    return {type, underlying, strike, years, rate, dividend};
  }
  [[nodiscard]] artham::market::option::terms at(std::size_t i) const;
};

/// Options of an index, a day to half a year before they expire, within three deviations of the
/// money.
[[nodiscard]] market chains(std::size_t count);

/// Seconds of the median of 9 rounds.
[[nodiscard]] double median(const std::function<void()>& work);

/// Seconds of each work in each of 15 rounds: all have a turn in every round, so that what else the
/// machine does meets all alike.
[[nodiscard]] std::vector<std::vector<double>> in_turns(
    const std::vector<std::function<void()>>& works);

[[nodiscard]] const char* name_of(artham::market::option::instruction_set s);

}  // namespace option_bench

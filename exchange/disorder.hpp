#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "exchange/source.hpp"
#include "market/error.hpp"

namespace artham::exchange {

/// How packets lose their order on the way, per mille. Exchange times in them stay as they are.
struct disorder {
  std::uint64_t seed = 1;
  std::uint32_t duplicated = 0;  ///< come twice, the second time up to `delay` later
  std::uint32_t delayed = 0;     ///< come up to `delay` late, behind younger ones
  market::duration delay = 10 * market::second;  ///< of market time

  [[nodiscard]] bool any() const { return duplicated != 0 || delayed != 0; }
};

/// `delayed=20,duplicated=5,delay=30s,seed=7`, each part optional. The error names the part and
/// what it may be.
[[nodiscard]] result<disorder> parse_disorder(std::string_view text);

/// Another source whose packets come out of order: a pure function of the source and `d`.
[[nodiscard]] std::unique_ptr<source> disordered(std::unique_ptr<source> s, const disorder& d);

}  // namespace artham::exchange

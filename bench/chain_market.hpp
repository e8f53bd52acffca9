#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "market/instrument.hpp"
#include "market/tick.hpp"
#include "market/time.hpp"

namespace artham::bench {

/// Underlyings with futures and options, quoted around Black-76 values of one volatility, as ticks.
class chain_market {
 public:
  /// `strikes` a chain, so twice as many contracts.
  chain_market(std::size_t underlyings, std::size_t expiries, std::size_t strikes,
               market::timestamp open);

  [[nodiscard]] const std::vector<market::instrument>& instruments() const { return instruments_; }
  [[nodiscard]] std::size_t contracts() const { return contracts_.size(); }
  [[nodiscard]] static std::string name(std::size_t underlying);
  [[nodiscard]] market::date expiry(std::size_t n) const;

  /// The underlying's spot moves a little.
  [[nodiscard]] market::tick spot(std::size_t underlying, market::timestamp now);
  [[nodiscard]] market::tick option(std::size_t contract, market::timestamp now) const;

 private:
  struct contract {
    std::uint32_t token;
    std::size_t underlying;
    double strike;
    double years;
    bool call;
  };
  std::vector<market::instrument> instruments_;
  std::vector<contract> contracts_;
  std::vector<std::int64_t> paise_;  ///< spot of each underlying
  market::date first_;
  std::uint64_t random_ = 88172645463325252ULL;
};

}  // namespace artham::bench

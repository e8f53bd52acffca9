#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "market/calendar.hpp"
#include "market/instrument.hpp"
#include "market/option/option.hpp"

namespace artham::feed::synthetic {

/// What options are written on, and how. Prices in paise.
struct underlying {
  std::string name;
  std::int64_t base = 0;           ///< about which its price wanders, at most 60 % away
  std::int64_t step = 0;           ///< between strikes
  std::int64_t strikes_aside = 0;  ///< listed on each side of the middle one
  std::int64_t lot = 1;
  std::int64_t widens_by =
      1;                ///< for each so much of an option's price, its spread is a tick wider
  bool weekly = false;  ///< has two weekly expiries besides the monthly one
};

/// A round step for the strikes of a share at this price: 1.5 to 4 % of it.
[[nodiscard]] std::int64_t strike_step(std::int64_t base);

/// One option contract. Its token says all of it, for ever.
struct contract {
  std::uint32_t token = 0;
  std::size_t underlying = 0;  ///< index into the chain's
  market::date expiry;
  bool monthly = false;
  std::int64_t strike = 0;  ///< paise
  market::option::side type = market::option::side::call;
  std::int64_t closes = 0;  ///< the second at which its last session ends
};

/// Which options are listed: NSE's rules, with expiries on Tuesdays, or on the last trading day
/// before one that is none. The last Tuesday of a month is the monthly expiry.
class option_chain {
 public:
  static constexpr std::size_t max_underlyings = 3;  ///< the first may be an index

  option_chain(std::vector<underlying> list, market::calendar_ptr nfo);

  /// The contracts of a date, by underlying, expiry and strike; `levels` are the underlyings'
  /// prices that the strikes lie around.
  [[nodiscard]] std::vector<contract> listed(market::date on,
                                             std::span<const std::int64_t> levels) const;
  /// The contract of a token, listed at present or not; nothing if no contract can have it.
  [[nodiscard]] std::optional<contract> find(std::uint32_t token) const;
  [[nodiscard]] market::instrument describe(const contract& c) const;
  [[nodiscard]] const std::vector<underlying>& underlyings() const { return underlyings_; }

  static constexpr std::int64_t tick_size = 5;  ///< paise

 private:
  [[nodiscard]] std::optional<contract> make(std::size_t underlying, std::int32_t week,
                                             std::int64_t strike, market::option::side type) const;
  [[nodiscard]] std::vector<std::int32_t> weeks(market::date on, bool weekly) const;
  [[nodiscard]] std::optional<market::date> expiry_of(std::int32_t week) const;

  std::vector<underlying> underlyings_;
  market::calendar_ptr nfo_;
};

}  // namespace artham::feed::synthetic

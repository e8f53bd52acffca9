#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "market/price.hpp"

namespace artham::market::indicator {

enum class kind : std::uint8_t { sma, ema, rsi, atr, vwap };

/// One indicator as it is asked for: `sma:20`, `rsi:14`, `vwap`, `vwap:2.5`.
struct spec {
  indicator::kind kind = kind::sma;
  std::size_t length = 0;  ///< bars, 1 to 1000; not of vwap
  price width;             ///< of vwap: bands so many standard deviations away; 0: no bands
  friend bool operator==(const spec&, const spec&) = default;
};

/// Comma or space separated, at most 16. The error names what was given and what is accepted.
[[nodiscard]] result<std::vector<spec>> parse_specs(std::string_view text);
/// Canonical: `vwap:2.50` is `vwap:2.5`.
[[nodiscard]] std::string to_string(const spec& s);
/// What the values are called, in their order: the text of each spec, and for bands two more with
/// `:upper` and `:lower` behind it.
[[nodiscard]] std::vector<std::string> column_names(std::span<const spec> specs);

/// So many bars before the first of interest make its values what all of history would make them:
/// n - 1 for an SMA, exactly. Recurrences never forget: after 20 n bars of an EMA and 40 n of RSI
/// and ATR what was before weighs e^-40, less than a double can tell. A VWAP needs its trading day.
[[nodiscard]] std::size_t bars_before(const spec& s);

}  // namespace artham::market::indicator

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "market/alert/condition.hpp"
#include "market/alert/fields.hpp"
#include "market/error.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"

/// Rules over prices, bars, Greeks, chains and gaps: docs/alerts.md.
namespace artham::market::alert {

/// What a rule watches: `tick:NSE:INFY`, `bar:NSE:NIFTY 50:5m`, `greeks:NFO:…`,
/// `chain:NIFTY:2026-11-26`, `gap`, `gap:NSE:INFY`.
struct rule_key {
  subject of = subject::tick;
  std::string instrument;       ///< `NSE:INFY`; of a chain its underlying; of `gap` empty: any
  market::timeframe timeframe;  ///< of a bar
  date expiry;                  ///< of a chain
  friend bool operator==(const rule_key&, const rule_key&) = default;
};
/// The error names the key and the forms that exist.
[[nodiscard]] result<rule_key> parse_rule_key(std::string_view text);

enum class repeat : std::uint8_t {
  once,  ///< the first time that the condition holds; then the rule is done
  each,  ///< each time that it begins to hold
};
[[nodiscard]] std::string_view to_string(repeat r);
[[nodiscard]] result<repeat> parse_repeat(std::string_view text);

struct rule {
  rule_key key;
  alert::condition condition;
  alert::repeat repeat = repeat::once;
  /// Revisions of final bars count too, each on its own: it fires when the condition holds for it,
  /// where nothing crosses.
  bool revisions = false;
  /// After an alert none for so long, of event time; those left out are counted.
  duration quiet = 0;
};

}  // namespace artham::market::alert

#pragma once

#include <cstdint>

#include "web/api/last_tick.hpp"
#include "web/server/http.hpp"

namespace artham::web::kite {

/// How much of an instrument: `/quote`, `/quote/ohlc` or `/quote/ltp`.
enum class quote_kind : std::uint8_t { full, ohlc, ltp };

/// The most instruments that one request may name.
[[nodiscard]] constexpr std::size_t most_instruments(quote_kind kind) {
  return kind == quote_kind::full ? 500 : 1'000;
}

/// Answers with the newest packets of the instruments `i=…`, by what was asked; those that are not
/// known, or of which no packet came, are absent.
[[nodiscard]] http_response quotes(const text_pairs& query, quote_kind kind,
                                   const quote_sources& from);

}  // namespace artham::web::kite

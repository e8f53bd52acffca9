#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/calendar.hpp"
#include "market/timeframe.hpp"
#include "store/store.hpp"
#include "web/server/http.hpp"

namespace artham::web::kite {

/// What `/instruments/historical/{token}/{interval}` is asked for.
struct candles_request {
  std::uint32_t token = 0;
  market::timeframe interval;
  market::timeframe stored;     ///< the same, or what it is made of
  market::timestamp from = 0;   ///< first start, inclusive
  market::timestamp until = 0;  ///< last start, inclusive
  bool with_oi = false;
};

/// `path` is `{token}/{interval}`. Errors (errc::bad_input) name the parameter and what is
/// accepted.
[[nodiscard]] result<candles_request> read_candles_request(
    std::string_view path, const text_pairs& query, std::span<const market::timeframe> stored);

/// The finished candles as Kite's `{"candles":[…]}`. A day's label is midnight in India.
[[nodiscard]] result<std::string> candles_json(store::reader& reader, const candles_request& asked,
                                               const market::calendar_ptr& calendar);

}  // namespace artham::web::kite

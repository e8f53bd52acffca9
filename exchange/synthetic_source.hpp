#pragma once

#include "exchange/options.hpp"
#include "exchange/source.hpp"
#include "market/error.hpp"

namespace artham::exchange {

/// Frames of the synthetic market: the ticks that are due at one moment. Needs the calendars NSE
/// and NFO.
[[nodiscard]] result<std::unique_ptr<source>> make_synthetic_source(
    const synthetic_source_options& o,
    const std::map<std::string, market::calendar_ptr>& calendars);

}  // namespace artham::exchange

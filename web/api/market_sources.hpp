#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "market/calendar.hpp"
#include "market/timeframe.hpp"
#include "store/store.hpp"
#include "web/api/instrument_catalog.hpp"
#include "web/api/last_tick.hpp"
#include "web/api/read_pool.hpp"

namespace artham::web {

/// What interfaces of others (`/kite`, `/udf`) answer from. What is pointed to outlives their
/// routes.
struct market_sources {
  store::reader* reader = nullptr;
  instrument_catalog* instruments = nullptr;
  read_pool* pool = nullptr;
  std::vector<market::timeframe> timeframes;  ///< that are stored
  std::function<market::calendar_ptr(std::uint32_t token)> calendar_of;
  quote_sources quotes;
};

}  // namespace artham::web

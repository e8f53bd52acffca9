#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/calendar.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"
#include "store/store.hpp"
#include "web/api/alerts.hpp"
#include "web/api/bar_evidence.hpp"
#include "web/api/last_tick.hpp"
#include "web/api/operations.hpp"
#include "web/api/replays.hpp"
#include "web/api/ui_files.hpp"
#include "web/server/http.hpp"

namespace artham::web {

struct api_dependencies {
  store::reader* reader = nullptr;  ///< outlives the handler
  web::operations_sources operations;
  std::vector<market::timeframe> timeframes;  ///< that are stored
  std::function<market::calendar_ptr(std::uint32_t token)> calendar_of;
  /// The last record of md:ticks that came by then; may block.
  std::function<result<record::position>(market::timestamp)> position_at;
  evidence_source evidence;  ///< `/v1/bars/proof`
  quote_sources quotes;      ///< of `/kite` and `/udf`
  alert_sources alerts;
  replay_source* replays = nullptr;                    ///< null: none here; outlives the handler
  std::shared_ptr<const ui_files> ui;                  ///< null: the plain page alone
  market::duration utc_offset = market::india_offset;  ///< of times in CSV
  std::chrono::milliseconds proof_timeout{60'000};
  std::size_t readers = 2;          ///< threads for store reads
  std::size_t queued_reads = 64;    ///< per thread; beyond, requests get 503
  std::size_t exports = 8;          ///< answers of any length at a time; beyond, requests get 503
  std::size_t export_page = 5'000;  ///< bars of an export that are in memory
};

/// The REST routes, the operations' routes and the page. Store reads run on threads that belong to
/// the handler; the last copy of it must not be destroyed on one of them (server::stop takes care).
[[nodiscard]] http_handler make_api(api_dependencies dependencies);

/// Every path that it serves but the page's, as OpenAPI writes them.
[[nodiscard]] std::vector<std::string> api_paths();

}  // namespace artham::web

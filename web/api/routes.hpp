#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "market/calendar.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"
#include "runtime/metrics.hpp"
#include "store/store.hpp"
#include "web/api/bar_evidence.hpp"
#include "web/server/http.hpp"

namespace artham::web {

struct readiness {
  bool ready = true;
  std::string detail;  ///< what is missing, when not ready
};

/// Answers by calling back once with a JSON document, from any thread.
using json_source = std::function<void(std::function<void(std::string json)>)>;

struct api_dependencies {
  store::reader* reader = nullptr;            ///< outlives the handler
  runtime::metrics* metrics = nullptr;        ///< outlives the handler
  json_source status;                         ///< `/v1/status`
  json_source tree;                           ///< `/v1/system/tree`
  std::function<readiness()> ready;           ///< must not block
  std::vector<market::timeframe> timeframes;  ///< that are stored
  std::function<market::calendar_ptr(std::uint32_t token)> calendar_of;
  /// The last record of md:ticks that came by then; may block.
  std::function<result<record::position>(market::timestamp)> position_at;
  evidence_source evidence;  ///< `/v1/bars/proof`
  std::string version;
  market::duration utc_offset = market::india_offset;  ///< of times in CSV
  std::chrono::milliseconds source_timeout{2'000};     ///< for status and tree
  std::chrono::milliseconds proof_timeout{60'000};
  std::size_t readers = 2;          ///< threads for store reads
  std::size_t queued_reads = 64;    ///< per thread; beyond, requests get 503
  std::size_t exports = 8;          ///< answers of any length at a time; beyond, requests get 503
  std::size_t export_page = 5'000;  ///< bars of an export that are in memory
};

/// The REST routes, the operations' routes and the page. Store reads run on threads that belong to
/// the handler; the last copy of it must not be destroyed on one of them (server::stop takes care).
[[nodiscard]] http_handler make_api(api_dependencies dependencies);

}  // namespace artham::web

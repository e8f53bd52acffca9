#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/calendar.hpp"
#include "market/timeframe.hpp"
#include "store/store.hpp"
#include "web/api/instrument_catalog.hpp"
#include "web/api/kite/quotes.hpp"
#include "web/api/read_pool.hpp"
#include "web/server/http.hpp"

namespace artham::web::kite {

/// What is pointed to outlives the routes.
struct sources {
  store::reader* reader = nullptr;
  instrument_catalog* instruments = nullptr;
  read_pool* pool = nullptr;
  std::vector<market::timeframe> timeframes;  ///< that are stored
  std::function<market::calendar_ptr(std::uint32_t token)> calendar_of;
  quote_sources quotes;
};

/// Everything under `/kite` but the ticker.
class routes {
 public:
  explicit routes(sources from) : from_(std::move(from)) {}
  /// False: not a path of these.
  bool handle(const http_request& q, const responder& respond) const;
  /// As OpenAPI writes them; one with several methods comes as often.
  [[nodiscard]] static std::vector<std::string> paths();

 private:
  struct route;
  [[nodiscard]] static std::span<const route> table();

  void login(const http_request& q, std::string_view rest, const responder& respond) const;
  void logout(const http_request& q, std::string_view rest, const responder& respond) const;
  void profile(const http_request& q, std::string_view rest, const responder& respond) const;
  void instruments(const http_request& q, std::string_view rest, const responder& respond) const;
  void candles(const http_request& q, std::string_view rest, const responder& respond) const;
  void quote(const http_request& q, std::string_view rest, const responder& respond) const;
  void ohlc(const http_request& q, std::string_view rest, const responder& respond) const;
  void ltp(const http_request& q, std::string_view rest, const responder& respond) const;
  /// Runs a blocking job on a reader thread and answers with what it returns.
  void read(const responder& respond, std::function<http_response()> job) const;

  const sources from_;
};

}  // namespace artham::web::kite

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "web/api/kite/quotes.hpp"
#include "web/api/market_sources.hpp"
#include "web/server/http.hpp"

namespace artham::web::kite {

/// Everything under `/kite` but the ticker.
class routes {
 public:
  explicit routes(market_sources from) : from_(std::move(from)) {}
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

  const market_sources from_;
};

}  // namespace artham::web::kite

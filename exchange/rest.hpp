#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exchange/options.hpp"

namespace artham::exchange {

/// A request as far as the answers depend on it.
struct rest_request {
  std::string method;
  std::string target;  ///< path and query
  std::string body;
  std::string authorization;  ///< header, empty without
  bool takes_gzip = false;
};

struct rest_reply {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  bool gzip = false;  ///< body is compressed
};

/// Kite's REST calls as far as market data needs them: the instrument dump and the login's last
/// step. Errors come in Kite's envelope.
class rest {
 public:
  rest(std::vector<market::instrument> instruments, std::vector<exchange::credentials> c)
      : instruments_(std::move(instruments)), credentials_(std::move(c)) {}

  /// `GET /instruments`, `GET /instruments/{exchange}`, `POST /session/token`.
  [[nodiscard]] rest_reply answer(const rest_request& r) const;
  /// Whether a ticker's handshake target (`/?api_key=..&access_token=..`) is let in.
  [[nodiscard]] bool admits(std::string_view target) const;
  /// The api_key of such a target; empty without one.
  [[nodiscard]] static std::string key_of(std::string_view target);

  [[nodiscard]] static rest_reply success(std::string_view data_json);
  [[nodiscard]] static rest_reply error(unsigned status, std::string_view type,
                                        std::string_view text);

 private:
  [[nodiscard]] rest_reply instruments(std::string_view exchange_code, bool gzip) const;
  [[nodiscard]] rest_reply login(std::string_view form) const;

  std::vector<market::instrument> instruments_;
  std::vector<exchange::credentials> credentials_;
};

}  // namespace artham::exchange

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "feed/kite/candles.hpp"
#include "market/error.hpp"
#include "market/time.hpp"
#include "runtime/secret.hpp"

namespace artham::feed::kite {

using runtime::secret;

/// Kite's REST API, or anything that speaks it.
struct rest_server {
  std::string url = "https://api.kite.trade";  ///< may end in a path, such as artham's own `/kite`
  std::string ca_file{};                       ///< PEM; empty: the system's authorities
  std::chrono::milliseconds timeout{7'000};    ///< of each step
};

struct credentials {
  std::string api_key;
  secret access_token;
};

/// What a login brings.
struct session {
  std::string api_key;
  secret access_token;
  std::string user_id;
  market::timestamp login_time = 0;
};

/// The page where a person logs in; it redirects to the app's own URL with `request_token=…`.
[[nodiscard]] std::string login_url(std::string_view api_key);

/// SHA-256 of key, request token and secret, in lower-case hexadecimal (Kite's `checksum`).
[[nodiscard]] std::string login_checksum(std::string_view api_key, std::string_view request_token,
                                         const secret& api_secret);

/// Exchanges a request token (single use, minutes old) for the day's access token. A login time
/// that the server leaves out is `now`.
[[nodiscard]] result<session> login(const rest_server& server, const std::string& api_key,
                                    const secret& api_secret, const std::string& request_token,
                                    market::timestamp now);

/// The instrument list as CSV, of all exchanges or of one.
[[nodiscard]] result<std::string> fetch_instruments(const rest_server& server,
                                                    const credentials& who,
                                                    std::string_view exchange = {});

/// Official candles from `from` to `to`, both inclusive, as Kite labels them; at most
/// longest_request(tf) apart. errc::unsupported for a timeframe that Kite has not, refused (with
/// `token_expired`) for a token that is not valid.
[[nodiscard]] result<std::vector<candle>> fetch_candles(const rest_server& server,
                                                        const credentials& who, std::uint32_t token,
                                                        market::timeframe tf,
                                                        market::timestamp from,
                                                        market::timestamp to);

}  // namespace artham::feed::kite

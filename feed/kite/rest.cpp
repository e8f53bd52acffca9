#include "feed/kite/rest.hpp"

#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include <array>

#include "feed/kite/endpoint.hpp"
#include "feed/kite/http.hpp"
#include "feed/kite/text_frame.hpp"

namespace artham::feed::kite {
namespace {

using nlohmann::json;

errc code_of(const std::string& type, int status) {
  if (type == "TokenException" || type == "PermissionException" || type == "UserException" ||
      type == "TwoFAException" || status == 401 || status == 403) {
    return errc::refused;
  }
  if (type == "NetworkException" || status == 429 || status >= 500) return errc::unavailable;
  if (type == "InputException") return errc::bad_input;
  if (status == 404) return errc::not_found;
  return type.empty() ? errc::bad_input : errc::refused;
}

std::string_view remedy(const std::string& type, int status, std::string_view session_remedy) {
  if (type == "PermissionException")
    return "the API key has no right to this: see its plan at https://developers.kite.trade";
  if (type == "TokenException" || status == 403 || status == 401) return session_remedy;
  if (status == 429) return "wait a second and try again";
  if (status >= 500) return "the server has a problem; try again later";
  return "";
}

std::string member(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// The error in an answer: `status` is "error", or there is an `error_type`, or HTTP says so.
result<void> check(const http_response& answer, std::string_view what,
                   std::string_view session_remedy) {
  const auto body =
      answer.body.starts_with('{') ? json::parse(answer.body, nullptr, false) : json();
  const auto type = member(body, "error_type");
  if (answer.status < 300 && type.empty() && member(body, "status") != "error") return {};
  std::string text = std::string(what) + ": HTTP " + std::to_string(answer.status);
  if (!type.empty()) text += " " + type;
  if (const auto message = error_message(answer.body); !message.empty()) text += ": " + message;
  if (const auto way_out = remedy(type, answer.status, session_remedy); !way_out.empty()) {
    text += "; " + std::string(way_out);
  }
  return fail(code_of(type, answer.status), std::move(text));
}

result<http_response> get(const rest_server& server, const credentials& who, std::string url,
                          std::string query) {
  return http_call(
      {.method = "GET",
       .url = std::move(url),
       .query = std::move(query),
       .body = {},
       .headers = {{"X-Kite-Version", "3"},
                   {"Authorization", "token " + who.api_key + ":" + who.access_token.reveal()}}},
      {.ca_file = server.ca_file, .timeout = server.timeout});
}

/// `2026-11-20 09:15:00`, in India.
std::string local_time(market::timestamp t) {
  auto text = market::to_rfc3339(t, market::india_offset).substr(0, 19);
  text[10] = ' ';
  return text;
}

}  // namespace

std::string login_url(std::string_view api_key) {
  return "https://kite.zerodha.com/connect/login?" +
         encode_parameters({{"v", "3"}, {"api_key", api_key}});
}

std::string login_checksum(std::string_view api_key, std::string_view request_token,
                           const secret& api_secret) {
  std::string text(api_key);
  text += request_token;
  text += api_secret.reveal();
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), hash.data(), &size, EVP_sha256(), nullptr);
  OPENSSL_cleanse(text.data(), text.size());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += {digits[hash[i] >> 4], digits[hash[i] & 15]};
  return hex;
}

result<session> login(const rest_server& server, const std::string& api_key,
                      const secret& api_secret, const std::string& request_token,
                      market::timestamp now) {
  const auto answer = http_call(
      {.method = "POST",
       .url = server.url + "/session/token",
       .query = {},
       .body =
           encode_parameters({{"api_key", api_key},
                              {"request_token", request_token},
                              {"checksum", login_checksum(api_key, request_token, api_secret)}}),
       .headers = {{"X-Kite-Version", "3"}, {"Content-Type", "application/x-www-form-urlencoded"}}},
      {.ca_file = server.ca_file, .timeout = server.timeout});
  if (!answer) return tl::unexpected(answer.error());
  if (auto ok =
          check(*answer, "Kite login",
                "a request token works once and for some minutes: log in again for a new one, "
                "and check api_key and api_secret");
      !ok) {
    return tl::unexpected(ok.error());
  }
  const auto body = json::parse(answer->body, nullptr, false);
  const auto data = body.is_object() ? body.value("data", json()) : json();
  session out{api_key, secret(member(data, "access_token")), member(data, "user_id"), now};
  if (out.access_token.empty()) {
    return fail(errc::unavailable, "Kite login: the answer has no access_token; is " + server.url +
                                       " Kite's REST API?");
  }
  if (const auto at = market::parse_rfc3339(member(data, "login_time") + "+05:30")) {
    out.login_time = *at;
  }
  return out;
}

result<std::string> fetch_instruments(const rest_server& server, const credentials& who,
                                      std::string_view exchange) {
  std::string url = server.url + "/instruments";
  if (!exchange.empty()) {
    url += "/" + encode_parameters({{"", exchange}}).substr(1);
  }
  auto answer = get(server, who, std::move(url), {});
  if (!answer) return tl::unexpected(answer.error());
  if (auto ok = check(*answer, "Kite instruments", "the access token is not valid: log in again");
      !ok) {
    return tl::unexpected(ok.error());
  }
  const auto header = std::string_view(answer->body).substr(0, answer->body.find('\n'));
  if (header.find("instrument_token") == std::string_view::npos) {
    return fail(errc::unavailable, "Kite instruments: the answer is not an instrument list; is " +
                                       server.url + " Kite's REST API?");
  }
  return std::move(answer->body);
}

result<std::vector<candle>> fetch_candles(const rest_server& server, const credentials& who,
                                          std::uint32_t token, market::timeframe tf,
                                          market::timestamp from, market::timestamp to) {
  const auto interval = interval_of(tf);
  if (!interval) return tl::unexpected(interval.error());
  const auto what = "Kite candles of instrument " + std::to_string(token);
  const auto answer =
      get(server, who,
          server.url + "/instruments/historical/" + std::to_string(token) + "/" +
              std::string(*interval),
          encode_parameters({{"from", local_time(from)}, {"to", local_time(to)}, {"oi", "1"}}));
  if (!answer) return tl::unexpected(answer.error());
  if (auto ok = check(*answer, what,
                      "token_expired: the access token is not valid (any more): log in again with "
                      "artham kite login");
      !ok) {
    return tl::unexpected(ok.error());
  }
  auto candles = parse_candles(answer->body);
  if (!candles) {
    return fail(errc::refused, what + ": the answer of " + server.url +
                                   " is no list of candles: " + candles.error().message);
  }
  return candles;
}

}  // namespace artham::feed::kite

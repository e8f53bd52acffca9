#include "exchange/rest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>

#include <openssl/evp.h>
#include <zlib.h>
#include <nlohmann/json.hpp>

namespace artham::exchange {

namespace {

using nlohmann::json;

/// An empty string if zlib has no memory.
std::string gzip(std::string_view plain) {
  z_stream z{};
  constexpr int gzip_window = 15 + 16;
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return {};
  }
  std::string out(deflateBound(&z, plain.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const auto done = deflate(&z, Z_FINISH);
  out.resize(done == Z_STREAM_END ? z.total_out : 0);
  deflateEnd(&z);
  return out;
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (unsigned n = 0; n < size; ++n) {
    out += digits[digest[n] >> 4];
    out += digits[digest[n] & 15];
  }
  return out;
}

/// `%41` and `+` as they are meant in a query or form; a broken escape stays as it is.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned char code = 0;
    if (text[at] == '%' && at + 2 < text.size() &&
        std::from_chars(&text[at + 1], &text[at + 1] + 2, code, 16).ptr == &text[at + 1] + 2) {
      out += static_cast<char>(code);
      at += 2;
    } else {
      out += text[at] == '+' ? ' ' : text[at];
    }
  }
  return out;
}

/// Decoded parameters of a query or form; the last one of a name counts.
std::map<std::string, std::string> parameters(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto equals = std::min(pair.find('='), pair.size());
    const auto value = pair.substr(std::min(pair.size(), equals + 1));
    out[percent_decoded(pair.substr(0, equals))] = percent_decoded(value);
  }
  return out;
}

std::map<std::string, std::string> parameters_of(std::string_view target) {
  const auto query = target.find('?');
  return parameters(query == std::string_view::npos ? std::string_view()
                                                    : target.substr(query + 1));
}

}  // namespace

rest_reply rest::success(std::string_view data_json) {
  return {200, "application/json", R"({"status":"success","data":)" + std::string(data_json) + "}",
          false};
}

rest_reply rest::error(unsigned status, std::string_view type, std::string_view text) {
  const json body{{"status", "error"}, {"message", text}, {"error_type", type}, {"data", nullptr}};
  return {status, "application/json", body.dump(), false};
}

rest_reply rest::answer(const rest_request& r) const {
  const auto path = std::string_view(r.target).substr(0, r.target.find('?'));
  constexpr std::string_view list = "/instruments";
  if (path == "/session/token") {
    return r.method == "POST" ? login(r.body)
                              : error(405, "InputException", "/session/token takes POST");
  }
  if (path == list || path.starts_with("/instruments/")) {
    if (r.method != "GET") {
      return error(405, "InputException", "/instruments takes GET");
    }
    const auto is_right = [&](const exchange::credentials& c) {
      return r.authorization == "token " + c.api_key + ":" + c.access_token;
    };
    if (!credentials_.empty() && std::ranges::none_of(credentials_, is_right)) {
      return error(403, "TokenException", "Incorrect `api_key` or `access_token`.");
    }
    return instruments(path == list ? std::string_view() : path.substr(list.size() + 1),
                       r.takes_gzip);
  }
  return error(404, "GeneralException",
               "no such route; this exchange has /, /instruments and /session/token");
}

bool rest::admits(std::string_view target) const {
  auto given = parameters_of(target);
  return credentials_.empty() ||
         std::ranges::any_of(credentials_, [&](const exchange::credentials& c) {
           return given["api_key"] == c.api_key && given["access_token"] == c.access_token;
         });
}

std::string rest::key_of(std::string_view target) {
  return parameters_of(target)["api_key"];
}

rest_reply rest::instruments(std::string_view exchange_code, bool compressed) const {
  std::vector<market::instrument> some;
  std::copy_if(instruments_.begin(), instruments_.end(), std::back_inserter(some),
               [&](const market::instrument& i) {
                 return exchange_code.empty() || i.exchange == exchange_code;
               });
  rest_reply reply{200, "text/csv", market::write_instruments(some), false};
  if (compressed) {
    if (auto packed = gzip(reply.body); !packed.empty()) {
      reply.body = std::move(packed);
      reply.gzip = true;
    }
  }
  return reply;
}

rest_reply rest::login(std::string_view form) const {
  auto given = parameters(form);
  if (given["api_key"].empty() || given["request_token"].empty() || given["checksum"].empty()) {
    return error(400, "InputException", "api_key, request_token and checksum are required.");
  }
  exchange::credentials session{given["api_key"], "", given["request_token"],
                                "artham-access-token"};
  if (!credentials_.empty()) {
    const auto found = std::ranges::find_if(credentials_, [&](const exchange::credentials& c) {
      return given["api_key"] == c.api_key && given["request_token"] == c.request_token &&
             given["checksum"] == sha256_hex(c.api_key + c.request_token + c.api_secret);
    });
    if (found == credentials_.end())
      return error(403, "TokenException", "Token is invalid or has expired.");
    session = *found;
  }
  const json data{{"user_id", "AR0001"},
                  {"user_name", "Artham Exchange"},
                  {"user_shortname", "Artham"},
                  {"email", "exchange@artham.invalid"},
                  {"user_type", "individual"},
                  {"broker", "ARTHAM"},
                  {"exchanges", {"NSE", "NFO"}},
                  {"products", {"CNC", "NRML", "MIS"}},
                  {"order_types", {"MARKET", "LIMIT"}},
                  {"api_key", session.api_key},
                  {"access_token", session.access_token},
                  {"public_token", "artham-public-token"},
                  {"refresh_token", ""},
                  {"login_time", "2026-01-01 09:00:00"},
                  {"avatar_url", ""}};
  return success(data.dump());
}

}  // namespace artham::exchange

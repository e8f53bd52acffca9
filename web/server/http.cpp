#include "web/server/http.hpp"

#include <nlohmann/json.hpp>

namespace artham::web {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0')
      return fail(errc::bad_input, "a request target has a character of value 0");
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0 || high * 16 + low == 0)
        return fail(errc::bad_input,
                    "'" + std::string(text.substr(i, 3)) +
                        "' is no percent-encoded character; write a percent sign as %25");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

}  // namespace

result<http_request> parse_target(std::string_view target) {
  http_request request;
  request.target = target;
  target = target.substr(0, target.find('#'));
  const auto question = target.find('?');
  auto path = percent_decode(target.substr(0, question), false);
  if (!path) return tl::unexpected(path.error());
  if (path->empty() || path->front() != '/')
    return fail(errc::bad_input, "a request target starts with '/'");
  request.path = std::move(*path);
  if (question == std::string_view::npos) return request;

  auto rest = target.substr(question + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    if (!name) return tl::unexpected(name.error());
    auto value = equals == std::string_view::npos ? result<std::string>("")
                                                  : percent_decode(pair.substr(equals + 1), true);
    if (!value)
      return fail(errc::bad_input, "query parameter '" + *name + "': " + value.error().message);
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return request;
}

http_response problem(unsigned status, std::string_view kind, std::string_view title,
                      std::string_view detail, std::string_view instance) {
  nlohmann::ordered_json document;
  document["type"] = "urn:artham:problem:" + std::string(kind);
  document["title"] = title;
  document["status"] = status;
  document["detail"] = detail;
  document["instance"] = instance;
  http_response response;
  response.status = status;
  response.content_type = "application/problem+json";
  // What a client sent may be no UTF-8; the answer must be all the same.
  response.body = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

}  // namespace artham::web

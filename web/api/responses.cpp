#include "web/api/responses.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include <xxhash.h>
#include <nlohmann/json.hpp>

namespace artham::web {

http_response json(std::string body) {
  return {200, std::string(json_type), std::move(body), {}};
}

http_response json(const nlohmann::ordered_json& document) {
  return json(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

http_response bad_parameter(const error& e, const std::string& target) {
  return problem(400, "bad-parameter", "Bad parameter", e.message, target);
}

http_response unavailable(std::string_view detail, const std::string& target) {
  http_response r = problem(503, "unavailable", "Not available now", detail, target);
  r.headers.emplace_back("Retry-After", "2");
  return r;
}

http_response method_not_allowed(const http_request& q) {
  http_response r = problem(405, "method-not-allowed", "Method not allowed",
                            q.method + " is not offered here; use GET or HEAD", q.target);
  r.headers.emplace_back("Allow", "GET, HEAD");
  return r;
}

std::string entity_tag(std::string_view body) {
  const auto hash = XXH3_128bits(body.data(), body.size());
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "\"%016llx%016llx\"",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text.data();
}

void tag(http_response& r, std::string entity_tag, const http_request& q) {
  // Of several tags, and of weak ones, the quoted part is looked for.
  if (q.if_none_match == "*" || q.if_none_match.find(entity_tag) != std::string::npos) {
    r.status = 304;
    r.body.clear();
  }
  r.headers.emplace_back("ETag", std::move(entity_tag));
  r.headers.emplace_back("Cache-Control", "no-cache");
}

}  // namespace artham::web

#include "web/api/responses.hpp"

#include <utility>

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

}  // namespace artham::web

#include "web/api/kite/answers.hpp"

#include <nlohmann/json.hpp>

namespace artham::web::kite {

http_response success(std::string_view data) {
  std::string body = R"({"status":"success","data":)";
  body.append(data) += '}';
  return {200, "application/json", std::move(body), {}};
}

http_response failure(unsigned status, std::string_view type, std::string_view message) {
  nlohmann::ordered_json document;
  document["status"] = "error";
  document["message"] = message;
  document["data"] = nullptr;
  document["error_type"] = type;
  http_response r{status,
                  "application/json",
                  document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                  {}};
  if (status == 503) r.headers.emplace_back("Retry-After", "2");
  return r;
}

http_response bad_input(std::string_view message) {
  return failure(400, "InputException", message);
}

http_response failed(const error& e) {
  switch (e.code) {
    case errc::bad_input:
    case errc::usage:
    case errc::unsupported:
    case errc::not_found:
      return bad_input(e.message);
    case errc::corrupt:
      return failure(502, "DataException", e.message);
    case errc::unavailable:
    case errc::io:
    case errc::full:
      return failure(503, "NetworkException", e.message);
    default:
      return failure(500, "GeneralException", e.message);
  }
}

std::string time_json(market::timestamp t) {
  if (t == 0) return "null";
  auto text = market::to_rfc3339(t / market::second * market::second, market::india_offset);
  text.resize(std::string_view("2026-11-20T09:15:00").size());
  text[10] = ' ';
  return '"' + text + '"';
}

}  // namespace artham::web::kite

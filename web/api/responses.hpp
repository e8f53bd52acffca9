#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "market/error.hpp"
#include "web/server/http.hpp"

/// Answers that several routes give.
namespace artham::web {

inline constexpr std::string_view json_type = "application/json";

[[nodiscard]] http_response json(std::string body);
[[nodiscard]] http_response json(const nlohmann::ordered_json& document);
[[nodiscard]] http_response bad_parameter(const error& e, const std::string& target);
[[nodiscard]] http_response unavailable(std::string_view detail, const std::string& target);
[[nodiscard]] http_response method_not_allowed(const http_request& q);

/// A strong entity tag of a body, quoted.
[[nodiscard]] std::string entity_tag(std::string_view body);
/// Gives the answer its tag, and makes it 304 without a body when the client has that already.
void tag(http_response& r, std::string entity_tag, const http_request& q);

}  // namespace artham::web

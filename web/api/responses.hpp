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

}  // namespace artham::web

#include "web/api/kite/session.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "web/api/kite/answers.hpp"
#include "web/api/query.hpp"

namespace artham::web::kite {
namespace {

nlohmann::ordered_json user(const std::set<std::string>& exchanges) {
  nlohmann::ordered_json out;
  out["user_id"] = "ARTHAM";
  out["user_type"] = "individual";
  out["email"] = "";
  out["user_name"] = "artham";
  out["user_shortname"] = "artham";
  out["broker"] = "ARTHAM";
  out["exchanges"] = exchanges;
  out["products"] = nlohmann::json::array();
  out["order_types"] = nlohmann::json::array();
  out["avatar_url"] = nullptr;
  return out;
}

}  // namespace

std::string profile_json(const std::set<std::string>& exchanges) {
  auto out = user(exchanges);
  out["meta"] = {{"demat_consent", ""}};
  return out.dump();
}

result<std::string> session_json(const text_pairs& form, const std::set<std::string>& exchanges,
                                 market::timestamp now) {
  for (const auto* name : {"api_key", "request_token", "checksum"}) {
    if (find_value(form, name).value_or("").empty())
      return fail(errc::bad_input, "missing or empty field `" + std::string(name) + "`");
  }
  auto out = user(exchanges);
  out["api_key"] = *find_value(form, "api_key");
  out["access_token"] = "artham-access-token";
  out["public_token"] = "artham-public-token";
  out["refresh_token"] = "";
  out["enctoken"] = "";
  out["login_time"] = nlohmann::json::parse(time_json(now));
  out["meta"] = {{"demat_consent", ""}};
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

result<text_pairs> read_form(const http_request& q) {
  auto form = parse_target("/?" + q.body);
  if (!form) return tl::unexpected(form.error());
  return std::move(form->query);
}

}  // namespace artham::web::kite

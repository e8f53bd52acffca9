#pragma once

#include <set>
#include <string>

#include "market/time.hpp"
#include "web/server/http.hpp"

namespace artham::web::kite {

/// Who everybody is here, as Kite tells of its users. `exchanges` are those of the instruments.
[[nodiscard]] std::string profile_json(const std::set<std::string>& exchanges);

/// The end of a login. Any request token is accepted: what clients are let in by is `access`.
/// errc::bad_input names what is missing of the form (`api_key`, `request_token`, `checksum`).
[[nodiscard]] result<std::string> session_json(const text_pairs& form,
                                               const std::set<std::string>& exchanges,
                                               market::timestamp now);

/// The fields of a body like `a=1&b=2`.
[[nodiscard]] result<text_pairs> read_form(const http_request& q);

}  // namespace artham::web::kite

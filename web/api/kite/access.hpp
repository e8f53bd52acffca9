#pragma once

#include <string>

#include "runtime/secret.hpp"
#include "web/server/http.hpp"

namespace artham::web::kite {

/// Who a request says it comes from: `Authorization: token api_key:access_token`.
struct credentials {
  std::string api_key;
  runtime::secret access_token;
};
/// Empty credentials when there is no such header. errc::bad_input when it has another form.
[[nodiscard]] result<credentials> read_credentials(const http_request& q);

}  // namespace artham::web::kite

#include "web/api/kite/access.hpp"

#include <string_view>

namespace artham::web::kite {

result<credentials> read_credentials(const http_request& q) {
  constexpr std::string_view scheme = "token ";
  const std::string_view text = q.authorization.reveal();
  if (text.empty()) return credentials{};
  const auto colon = text.find(':');
  if (!text.starts_with(scheme) || colon == std::string_view::npos || colon == scheme.size() ||
      colon + 1 == text.size()) {
    return fail(errc::bad_input,
                "the header Authorization has the form 'token api_key:access_token'");
  }
  return credentials{std::string(text.substr(scheme.size(), colon - scheme.size())),
                     runtime::secret(std::string(text.substr(colon + 1)))};
}

}  // namespace artham::web::kite

#pragma once

#include <memory>

#include "web/access/access_control.hpp"
#include "web/server/http.hpp"

namespace artham::web {

/// `inner` for those who may; besides /v1/login, /v1/logout and /v1/session.
[[nodiscard]] http_handler guarded(http_handler inner, std::shared_ptr<access_control> access);

}  // namespace artham::web

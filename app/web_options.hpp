#pragma once

#include "config/settings.hpp"
#include "web/server/server.hpp"

namespace artham::app {

/// The web server's options as the settings have them.
[[nodiscard]] web::server_options web_options(const config::settings::web_section& w);

}  // namespace artham::app

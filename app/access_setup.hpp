#pragma once

#include <filesystem>
#include <memory>

#include "config/settings.hpp"
#include "runtime/metrics.hpp"
#include "web/access/access_control.hpp"

namespace artham::app {

/// Keys and users of the store of the settings, with a connection of its own.
[[nodiscard]] result<std::unique_ptr<store::access>> open_store_access(
    const config::settings& s, const std::filesystem::path& data);

/// Who may use a node's web server, as the settings have it.
[[nodiscard]] result<std::shared_ptr<web::access_control>> start_access(
    const config::settings& s, const std::filesystem::path& data, runtime::metrics& metrics);

}  // namespace artham::app

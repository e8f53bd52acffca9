#pragma once

#include <filesystem>
#include <memory>

#include "config/settings.hpp"
#include "market/error.hpp"
#include "web/api/ui_files.hpp"

namespace artham::app {

/// Where `web.ui` says that the built web UI is, read; null when it says that there is none, or
/// says `auto` and there is none in `share/artham/ui` beside the program's folder. A folder that is
/// named and cannot be read is an error.
[[nodiscard]] result<std::shared_ptr<const web::ui_files>> open_ui(
    const config::settings::web_section& w);

/// `share/artham/ui` of where a program in `bin` is installed.
[[nodiscard]] std::filesystem::path ui_beside(const std::filesystem::path& program);

}  // namespace artham::app

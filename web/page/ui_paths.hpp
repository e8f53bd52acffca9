#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace artham::web {

/// Addresses of the web UI's pages: all are its index.html, the browser does the rest.
inline constexpr std::array<std::string_view, 3> ui_pages{"/", "/chain", "/system"};
/// What lies below is named by its content, and may be kept for ever.
inline constexpr std::string_view ui_assets = "/assets/";

/// Whether a path can only be one of the web UI: it is served to anybody, as it has no data.
constexpr bool is_ui_path(std::string_view path) {
  return path.starts_with(ui_assets) ||
         std::find(ui_pages.begin(), ui_pages.end(), path) != ui_pages.end();
}

}  // namespace artham::web

#pragma once

#include <cstddef>
#include <string_view>

namespace artham::web {

/// A file of the page, or `/openapi.json`, embedded at build time.
struct asset {
  std::string_view path;  ///< `/` for index.html
  std::string_view content_type;
  std::string_view etag;  ///< quoted, of the content
  std::string_view body;
};

/// Null when the page has no such file.
[[nodiscard]] const asset* find_asset(std::string_view path);

}  // namespace artham::web

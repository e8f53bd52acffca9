#pragma once

#include <span>
#include <string_view>

namespace artham::config {

/// A file of this folder as it was when the program was built.
struct embedded_file {
  std::string_view path;  ///< relative to config/: `default.toml`, `calendars/NSE.toml`
  std::string_view text;
};

[[nodiscard]] std::span<const embedded_file> embedded_files();

}  // namespace artham::config

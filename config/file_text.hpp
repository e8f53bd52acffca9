#pragma once

#include <filesystem>
#include <string>

#include "market/error.hpp"

namespace artham::config {

/// The whole file; errc::not_found or errc::io names the path and the system's reason.
[[nodiscard]] result<std::string> read_text(const std::filesystem::path& path);

}  // namespace artham::config

#pragma once

#include <filesystem>

#include "market/error.hpp"

/// A bundle: a directory with all that it takes to make bars again on another machine. `journal/`
/// is a journal with the settings, calendars and instruments that its marks name; `bundle.json`
/// lists its files with their sizes and SHA-256. docs/journal.md, "Bundles"
namespace artham::app {

/// Makes `dir`, which has a whole journal in `journal/`, a bundle.
[[nodiscard]] result<void> seal_bundle(const std::filesystem::path& dir);

/// The journal of a bundle whose files are all as they were. errc::usage when it is none,
/// unsupported for a newer version, corrupt names the file that is missing or changed.
[[nodiscard]] result<std::filesystem::path> open_bundle(const std::filesystem::path& dir);

}  // namespace artham::app

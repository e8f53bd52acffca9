#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bridge/local/journal.hpp"
#include "market/error.hpp"

namespace artham::app {

/// The journal of a data directory, or the directory itself when it is a journal. errc::unavailable
/// names what is missing.
[[nodiscard]] result<std::filesystem::path> find_journal(const std::filesystem::path& dir);

/// errc::unavailable when a process has the journal open for writing.
[[nodiscard]] result<void> check_not_in_use(const std::filesystem::path& journal);

/// `md:ticks: FILE: at byte 4096, 812 bytes are damaged: positions 17 to 44 are lost`
[[nodiscard]] std::string damage_text(const bridge::local::open_report::damaged& d);

/// errc::corrupt names every damaged stretch of the journal, one a line.
[[nodiscard]] result<void> check_undamaged(const std::filesystem::path& journal);

}  // namespace artham::app

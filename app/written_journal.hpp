#pragma once

#include <filesystem>

#include "bridge/local/journal.hpp"
#include "config/settings.hpp"
#include "runtime/metrics.hpp"

namespace artham::app {

/// How the settings want the journal of a data directory, which is written.
[[nodiscard]] bridge::local::options journal_options(const config::settings& s,
                                                     const std::filesystem::path& data,
                                                     runtime::metrics& metrics);

/// Tells what opening it cut, moved out or found damaged.
void log_opening(const bridge::local::open_report& report);

}  // namespace artham::app

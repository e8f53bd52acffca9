#pragma once

#include <memory>
#include <string_view>

#include <spdlog/fwd.h>

namespace artham::runtime {

/// The program's logger: to stderr, one line per event, level by setting (`trace debug info warn
/// error off`). Results never go here; they go to stdout.
[[nodiscard]] spdlog::logger& log();
/// False when the level's name is unknown.
bool set_log_level(std::string_view level);

}  // namespace artham::runtime

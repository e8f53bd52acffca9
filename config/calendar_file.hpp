#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/calendar.hpp"
#include "market/error.hpp"

namespace artham::config {

/// Reads a calendar file (its format is explained at the top of config/calendars/NSE.toml).
/// The error names `file`, line and key.
[[nodiscard]] result<market::calendar> parse_calendar(std::string_view toml, std::string_view file);

/// The calendars that are part of the program: NSE NFO BSE CDS MCX NYSE 24x7.
[[nodiscard]] std::vector<std::string_view> builtin_calendar_names();
/// The TOML text of one of them.
[[nodiscard]] std::optional<std::string_view> builtin_calendar_text(std::string_view name);

/// A calendar and the text that it was made from, which is what gets hashed and kept.
struct loaded_calendar {
  std::string text;
  market::calendar_ptr calendar;
};

/// `directory`/`name`.toml if there is one, else the built-in of that name; errc::not_found lists
/// the built-ins.
[[nodiscard]] result<loaded_calendar> load_calendar(
    std::string_view name, const std::optional<std::filesystem::path>& directory = std::nullopt);

}  // namespace artham::config

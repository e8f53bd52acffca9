#pragma once

#include <string>
#include <string_view>

#include <toml++/toml.h>

#include "market/error.hpp"

namespace artham::config {

/// `file:12`, or the file alone where the parser knows no line.
[[nodiscard]] inline std::string place(std::string_view file, const toml::source_region& source) {
  auto text = std::string(file);
  if (source.begin) text += ":" + std::to_string(source.begin.line);
  return text;
}

/// toml++ reports broken text by exception; here it is a value naming file and line.
[[nodiscard]] inline result<toml::table> parse_toml(std::string_view text, std::string_view file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& e) {
    return fail(errc::usage, place(file, e.source()) + ": " + std::string(e.description()));
  }
}

}  // namespace artham::config

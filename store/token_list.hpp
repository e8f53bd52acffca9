#pragma once

#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace artham::store {

/// `1,2,3`: what stands between the brackets of a column of tokens.
[[nodiscard]] inline std::string joined(std::span<const std::uint32_t> tokens) {
  std::string text;
  for (const auto token : tokens) {
    if (!text.empty()) text += ',';
    text += std::to_string(token);
  }
  return text;
}

/// The tokens of such a column, with its brackets; none of an empty text.
[[nodiscard]] inline std::vector<std::uint32_t> tokens_in(std::string_view column) {
  std::vector<std::uint32_t> all;
  const char* at = column.data();
  const char* const end = at + column.size();
  while (at < end) {
    std::uint32_t token = 0;
    const auto [stop, failed] = std::from_chars(at, end, token);
    if (failed == std::errc()) all.push_back(token);
    at = failed == std::errc() ? stop : at + 1;
  }
  return all;
}

}  // namespace artham::store

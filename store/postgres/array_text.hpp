#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace artham::store::postgres {

/// The elements of an array of integers as text: `{1,2,NULL}`.
[[nodiscard]] inline std::vector<std::optional<std::int64_t>> integers_of(std::string_view text) {
  std::vector<std::optional<std::int64_t>> all;
  if (text.size() < 3) return all;
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  while (at < end) {
    std::int64_t value = 0;
    const auto [stop, ec] = std::from_chars(at, end, value);
    if (ec == std::errc()) {
      all.emplace_back(value);
      at = stop + 1;
    } else {
      all.emplace_back();
      at += sizeof "NULL";
    }
  }
  return all;
}

}  // namespace artham::store::postgres

#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace artham::bridge::redis {

/// All of `text` as a number.
template <class T>
[[nodiscard]] std::optional<T> parse_digits(std::string_view text, int base = 10) {
  T value{};
  const auto* const end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, value, base);
  if (failed != std::errc{} || stop != end || text.empty()) return std::nullopt;
  return value;
}

}  // namespace artham::bridge::redis

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace artham::store::postgres {

/// Of a bytea as text: `\x0102`.
[[nodiscard]] inline std::string bytes_of(std::string_view hex) {
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  std::string bytes;
  if (hex.size() < 2) return bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 2; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(digit(hex[i]) << 4U | digit(hex[i + 1])));
  return bytes;
}

}  // namespace artham::store::postgres

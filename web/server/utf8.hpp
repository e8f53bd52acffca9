#pragma once

#include <cstdint>
#include <string_view>

namespace artham::web {

/// Checks text that comes in pieces, and tells as soon as it can be no UTF-8 any more.
class utf8_check {
 public:
  /// False from the first byte on that cannot stand where it does.
  [[nodiscard]] bool take(std::string_view piece);
  /// Nothing is missing of the last character.
  [[nodiscard]] bool complete() const { return missing_ == 0; }

 private:
  int missing_ = 0;          ///< bytes of the character under way
  std::uint8_t low_ = 0x80;  ///< what its next byte may be
  std::uint8_t high_ = 0xbf;
};

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace artham::web

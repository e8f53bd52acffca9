#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "market/position.hpp"

namespace artham::bridge::redis {

/// The ID of a stream's entry as Redis has it. Ours are positions; others' may be anything.
struct entry_id {
  std::uint64_t ms = 0;
  std::uint64_t seq = 0;

  entry_id() = default;
  entry_id(std::uint64_t a, std::uint64_t b) : ms(a), seq(b) {}
  explicit entry_id(market::position p) : ms(p.epoch), seq(p.seq) {}

  [[nodiscard]] std::string text() const { return std::to_string(ms) + '-' + std::to_string(seq); }
  /// Nothing when it cannot be one of ours.
  [[nodiscard]] std::optional<market::position> position() const {
    if (ms == 0 || ms > std::numeric_limits<std::uint32_t>::max() || seq == 0) return std::nullopt;
    return market::position{static_cast<std::uint32_t>(ms), seq};
  }
  friend auto operator<=>(const entry_id&, const entry_id&) = default;
};

/// `1-2`; nothing for anything else.
[[nodiscard]] std::optional<entry_id> parse_entry_id(std::string_view text);

[[nodiscard]] inline std::string id_text(market::position p) {
  return entry_id(p).text();
}

}  // namespace artham::bridge::redis

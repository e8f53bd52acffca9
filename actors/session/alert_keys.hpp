#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace artham::actors {

/// `alerts`, all of a client's own, or `alert:RULE`.
[[nodiscard]] bool is_alert_key(std::string_view key);
/// Of `alert:7`; nothing for what is no rule's number.
[[nodiscard]] std::optional<std::int64_t> rule_of_key(std::string_view key);

/// Where a client that was told of all alerts up to a place goes on: `alerts-123`.
[[nodiscard]] std::string alert_token(std::uint64_t place);
[[nodiscard]] std::optional<std::uint64_t> place_of_token(std::string_view token);

}  // namespace artham::actors

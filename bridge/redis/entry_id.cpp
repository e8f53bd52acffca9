#include "bridge/redis/entry_id.hpp"

#include "bridge/redis/digits.hpp"

namespace artham::bridge::redis {

std::optional<entry_id> parse_entry_id(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto ms = parse_digits<std::uint64_t>(text.substr(0, dash));
  const auto seq = parse_digits<std::uint64_t>(text.substr(dash + 1));
  if (!ms || !seq) return std::nullopt;
  return entry_id{*ms, *seq};
}

}  // namespace artham::bridge::redis

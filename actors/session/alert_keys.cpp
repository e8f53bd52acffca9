#include "actors/session/alert_keys.hpp"

#include <charconv>

namespace artham::actors {

namespace {

constexpr std::string_view one_rule = "alert:";
constexpr std::string_view token_prefix = "alerts-";

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

}  // namespace

bool is_alert_key(std::string_view key) {
  return key == "alerts" || key.starts_with(one_rule);
}

std::optional<std::int64_t> rule_of_key(std::string_view key) {
  if (!key.starts_with(one_rule)) return std::nullopt;
  const auto n = whole<std::int64_t>(key.substr(one_rule.size()));
  return n && *n > 0 ? n : std::nullopt;
}

std::string alert_token(std::uint64_t place) {
  return std::string(token_prefix) + std::to_string(place);
}

std::optional<std::uint64_t> place_of_token(std::string_view token) {
  if (!token.starts_with(token_prefix)) return std::nullopt;
  const auto n = whole<std::uint64_t>(token.substr(token_prefix.size()));
  return n && *n <= INT64_MAX ? n : std::nullopt;
}

}  // namespace artham::actors

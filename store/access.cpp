#include "store/access.hpp"

#include <array>

namespace artham::store {

namespace {

struct named_scope {
  std::string_view name;
  scope bit;
};
constexpr std::array scopes{named_scope{"read", scope::read}, named_scope{"replay", scope::replay},
                            named_scope{"admin", scope::admin}};

}  // namespace

std::string scopes_text(std::uint8_t given) {
  std::string text;
  for (const auto& s : scopes) {
    if ((given & static_cast<std::uint8_t>(s.bit)) == 0) continue;
    text.append(text.empty() ? "" : ",").append(s.name);
  }
  return text;
}

result<std::uint8_t> parse_scopes(std::string_view text) {
  std::uint8_t found = 0;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto word = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    std::uint8_t bit = 0;
    for (const auto& s : scopes)
      if (s.name == word) bit = static_cast<std::uint8_t>(s.bit);
    if (bit == 0)
      return fail(errc::usage, "'" + std::string(word) + "' is no scope: read, replay or admin");
    found |= bit;
  }
  if (found == 0) return fail(errc::usage, "no scope is given: read, replay or admin");
  return found;
}

}  // namespace artham::store

#include "market/bar.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace artham::market {

std::string flags_text(std::uint16_t flags) {
  constexpr std::array<std::pair<bar_flag, std::string_view>, 6> names{{
      {bar_flag::partial, "partial"},
      {bar_flag::gap, "gap"},
      {bar_flag::late, "late"},
      {bar_flag::reset, "reset"},
      {bar_flag::short_session, "short_session"},
      {bar_flag::backfilled, "backfilled"},
  }};
  std::string out;
  for (const auto& [flag, name] : names) {
    if ((flags & static_cast<std::uint16_t>(flag)) == 0) continue;
    if (!out.empty()) out += '|';
    out += name;
  }
  return out;
}

}  // namespace artham::market

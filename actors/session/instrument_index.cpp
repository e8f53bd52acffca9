#include "actors/session/instrument_index.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace artham::actors {

std::string_view calendar_by_segment(std::uint32_t token) {
  switch (token & 0xffU) {
    case 2:
      return "NFO";
    case 3:
    case 6:
      return "CDS";
    case 4:
    case 5:
      return "BSE";
    case 7:
    case 8:
    case 12:
      return "MCX";
    default:
      return "NSE";
  }
}

instrument_index::instrument_index(
    std::span<const market::instrument> list,
    std::map<std::string, market::calendar_ptr, std::less<>> calendars)
    : calendars_(std::move(calendars)) {
  for (const auto& i : list) {
    const auto added = tokens_.emplace(market::display_key(i), i.token);
    if (added.second) keys_.try_emplace(i.token, &added.first->first);
    const bool unknown = i.exchange == "TOKEN";
    const auto name =
        unknown ? calendar_by_segment(i.token) : market::calendar_of(market::trading_exchange(i));
    if (const auto it = calendars_.find(name); it != calendars_.end())
      calendar_by_token_.emplace(i.token, it->second);
  }
}

std::optional<std::uint32_t> instrument_index::token(std::string_view key) const {
  if (const auto it = tokens_.find(key); it != tokens_.end()) return it->second;
  constexpr std::string_view by_number = "TOKEN:";
  if (!key.starts_with(by_number)) return std::nullopt;
  const auto digits = key.substr(by_number.size());
  std::uint32_t token = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), token);
  if (ec != std::errc() || end != digits.data() + digits.size() ||
      !calendar_by_token_.contains(token))
    return std::nullopt;
  return token;
}

std::string_view instrument_index::key_of(std::uint32_t token) const {
  const auto it = keys_.find(token);
  return it == keys_.end() ? std::string_view() : *it->second;
}

void instrument_index::for_each_of(
    std::string_view segment,
    const std::function<bool(const std::string&, std::uint32_t)>& fn) const {
  const auto prefix = std::string(segment) + ":";
  for (auto it = tokens_.lower_bound(prefix);
       it != tokens_.end() && it->first.starts_with(prefix) && fn(it->first, it->second); ++it) {
  }
}

market::calendar_ptr instrument_index::calendar_of(std::uint32_t token) const {
  if (const auto it = calendar_by_token_.find(token); it != calendar_by_token_.end())
    return it->second;
  if (const auto it = calendars_.find(calendar_by_segment(token)); it != calendars_.end())
    return it->second;
  return calendars_.empty() ? nullptr : calendars_.begin()->second;
}

bool instrument_index::in_session(market::timestamp t) const {
  return calendars_.empty() || std::ranges::any_of(calendars_, [t](const auto& c) {
           return c.second->session_at(t).has_value();
         });
}

}  // namespace artham::actors

#include "store/token_book.hpp"

#include <algorithm>

namespace artham::store {

token_book::token_book(const std::vector<stored_instrument>& versions) {
  for (const auto& v : versions) by_id_[v.id].push_back({v.valid_from.days, v.instrument.token});
}

bool token_book::had(std::int64_t id, std::uint32_t token) const {
  const auto it = by_id_.find(id);
  return it != by_id_.end() &&
         std::ranges::find(it->second, token, &version::token) != it->second.end();
}

std::uint32_t token_book::token_of(std::int64_t id, market::timestamp receive,
                                   std::string_view packet) const {
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) return 0;
  if (packet.size() >= 4) {
    std::uint32_t token = 0;
    for (const unsigned char c : packet.substr(0, 4)) token = token << 8U | c;
    if (had(id, token)) return token;
  }
  const auto day = static_cast<std::int32_t>((receive + market::india_offset) / market::day);
  auto token = it->second.front().token;
  for (const auto& v : it->second) {
    if (v.from <= day) token = v.token;
  }
  return token;
}

}  // namespace artham::store

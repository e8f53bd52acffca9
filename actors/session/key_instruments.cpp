#include "actors/session/key_instruments.hpp"

#include <algorithm>
#include <optional>

#include "actors/session/chain_board.hpp"
#include "actors/session/key_parts.hpp"

namespace artham::actors {

const market::feature::group_plan* underlying_of(std::uint64_t key,
                                                 const market::feature::feature_plan* plan) {
  if (plan == nullptr) return nullptr;
  if (is_chain(key)) return chain_board::group(*plan, token_of(key));
  return is_greeks(key) ? chain_board::group_of_option(*plan, token_of(key)) : nullptr;
}

void add_instruments(std::uint64_t key, const market::feature::feature_plan* plan,
                     std::vector<std::uint32_t>& tokens) {
  const auto* const group = underlying_of(key, plan);
  if (group == nullptr) {
    if (!is_chain(key)) tokens.push_back(token_of(key));
    return;
  }
  std::optional<market::date> expiry;
  if (is_chain(key)) expiry = market::date{static_cast<std::int32_t>(key & ~messages::chain_part)};
  for (const auto& o : group->options) {
    if (!is_chain(key) && o.what.token == token_of(key)) expiry = o.expiry;
  }
  if (group->spot != 0) tokens.push_back(group->spot);
  for (const auto& f : group->futures) tokens.push_back(f.token);
  for (const auto& o : group->options) {
    if (expiry && o.expiry == *expiry) tokens.push_back(o.what.token);
  }
}

bool comes_from(std::uint64_t key, const market::feature::feature_plan* plan,
                std::span<const std::uint32_t> tokens) {
  std::vector<std::uint32_t> own;
  add_instruments(key, plan, own);
  return std::ranges::any_of(
      own, [&](std::uint32_t token) { return std::ranges::binary_search(tokens, token); });
}

}  // namespace artham::actors

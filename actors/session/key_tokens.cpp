#include "actors/session/key_tokens.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "actors/session/key_parts.hpp"

namespace artham::actors {

const market::feature::group_plan* underlying_of(std::uint64_t key,
                                                 const market::feature::feature_plan* plan) {
  if (plan == nullptr || !(is_chain(key) || is_greeks(key))) return nullptr;
  const auto& chains = plan->chains();
  if (is_chain(key)) {
    if (token_of(key) >= chains.size()) return nullptr;
    return std::next(chains.begin(), token_of(key))->second.get();
  }
  const auto it = chains.find(plan->group_of(token_of(key))->name);
  return it == chains.end() ? nullptr : it->second.get();
}

void append_tokens_of(std::uint64_t key, const market::feature::feature_plan* plan,
                      std::vector<std::uint32_t>& tokens) {
  if (is_of_replay(key)) return;
  const auto* const group = underlying_of(key, plan);
  if (group == nullptr) {
    if (!is_chain(key)) tokens.push_back(token_of(key));
    return;
  }
  // A chain takes all options of its expiry, and what tells the forward.
  std::optional<market::date> expiry;
  if (is_chain(key)) expiry = expiry_of(key);
  for (const auto& o : group->options) {
    if (!is_chain(key) && o.what.token == token_of(key)) expiry = o.expiry;
  }
  if (group->spot != 0) tokens.push_back(group->spot);
  for (const auto& f : group->futures) tokens.push_back(f.token);
  for (const auto& o : group->options) {
    if (expiry && o.expiry == *expiry) tokens.push_back(o.what.token);
  }
}

bool is_made_of(std::uint64_t key, const market::feature::feature_plan* plan,
                const std::vector<std::uint32_t>& tokens) {
  std::vector<std::uint32_t> own;
  append_tokens_of(key, plan, own);
  return std::ranges::any_of(
      own, [&](std::uint32_t token) { return std::ranges::binary_search(tokens, token); });
}

}  // namespace artham::actors

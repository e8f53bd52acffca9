#include <algorithm>
#include <chrono>
#include <utility>

#include "actors/session/hub.hpp"
#include "actors/session/key_parts.hpp"
#include "actors/session/key_tokens.hpp"

namespace artham::actors {

namespace {

/// Changes of demand are gathered for so long; their time-out has the number that no request has.
constexpr std::chrono::milliseconds demand_pause{200};
constexpr std::uint64_t demand_timer = 0;

}  // namespace

void hub_state::greet_readers() {
  if (config_.features) {
    const auto& features = feature_reader_.get();
    if (features && features.address() != greeted_features_) {
      greeted_features_ = features.address();
      self_->send(features, messages::credit_atom_v);
      for (const auto& entry : watched_chains_)
        self_->send(features, messages::watch_atom_v, entry.first, true);
    }
  }
  const auto& reader = reader_.get();
  if (!reader || reader.address() == greeted_) return;
  greeted_ = reader.address();
  values_->forget_live();
  self_->send(reader, messages::credit_atom_v);
  for (const auto& [token, mask] : masks_) self_->send(reader, messages::watch_atom_v, token, mask);
}

void hub_state::watch(std::uint32_t token) {
  const auto it = masks_.find(token);
  const auto mask = it == masks_.end() ? 0 : it->second;
  if (const auto& reader = reader_.get()) self_->send(reader, messages::watch_atom_v, token, mask);
}

bool hub_state::use(std::uint64_t key) {
  if (is_system(key)) return false;
  if (++uses_[key] != 1) return false;
  on_use(key, true);
  subscriptions_->set(static_cast<std::int64_t>(uses_.size()));
  if (is_bar(key)) masks_[token_of(key)] |= 1U << timeframe_of(key);
  return true;
}

void hub_state::release(std::uint64_t key) {
  if (is_system(key)) return;
  const auto it = uses_.find(key);
  if (it == uses_.end() || --it->second != 0) return;
  uses_.erase(it);
  on_use(key, false);
  values_->forget_live(key);
  subscriptions_->set(static_cast<std::int64_t>(uses_.size()));
  if (!is_bar(key)) return;
  const auto token = token_of(key);
  auto& mask = masks_[token];
  mask &= ~(1U << timeframe_of(key));
  if (mask == 0) masks_.erase(token);
  watch(token);
}

void hub_state::on_use(std::uint64_t key, bool added) {
  demand_changed();
  const auto count = [added](std::size_t& n) { added ? ++n : --n; };
  if (is_greeks(key)) count(greeks_uses_);
  const auto* const group = underlying_of(key, config_.features.get());
  if (group == nullptr) return;
  auto& uses = watched_chains_[group->name];
  count(uses);
  const bool changed = uses == (added ? 1U : 0U);
  if (uses == 0) watched_chains_.erase(group->name);
  const auto& reader = feature_reader_.get();
  if (changed && reader) self_->send(reader, messages::watch_atom_v, group->name, added);
}

void hub_state::demand_changed() {
  if (!config_.on_demand || std::exchange(tells_demand_, true)) return;
  self_->delayed_send(messages::hub_actor{self_}, demand_pause, messages::timeout_atom_v,
                      demand_timer);
}

void hub_state::tell_demand() {
  tells_demand_ = false;
  std::vector<std::uint32_t> tokens;
  for (const auto& entry : uses_) append_tokens_of(entry.first, config_.features.get(), tokens);
  std::ranges::sort(tokens);
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  config_.on_demand(std::move(tokens));
}

}  // namespace artham::actors

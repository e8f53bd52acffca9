#include "market/feature/shard_map.hpp"

namespace artham::market::feature {

std::uint32_t shard_of_group(std::string_view name, std::uint32_t shards) {
  // FNV-1a, its high and low half folded: the low bits of FNV alone are weak for short names.
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  h ^= h >> 32U;
  return static_cast<std::uint32_t>(h % shards);
}

shard_map::shard_map(const feature_plan& plan, std::uint32_t shards) : shards_(shards) {
  if (shards == 1) return;
  by_token_.reserve(plan.groups().size());
  for (const auto& [token, group] : plan.groups()) {
    by_token_.emplace(token, shard_of_group(group->name, shards));
  }
}

std::uint32_t shard_map::of(std::uint32_t token) const {
  if (shards_ == 1) return 0;
  const auto it = by_token_.find(token);
  if (it != by_token_.end()) return it->second;
  return shard_of_group(display_key(unknown_instrument(token)), shards_);
}

}  // namespace artham::market::feature

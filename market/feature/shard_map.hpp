#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "market/feature/feature_plan.hpp"

namespace artham::market::feature {

/// The shard of the group of that name: the same on every machine.
[[nodiscard]] std::uint32_t shard_of_group(std::string_view name, std::uint32_t shards);

/// Which shard an instrument belongs to: that of its group, so that an underlying is together with
/// its futures and options. What is computed by formula is a group of its own; so is what the plan
/// does not know. Thread-safe.
class shard_map {
 public:
  /// `shards` from 1 on.
  shard_map(const feature_plan& plan, std::uint32_t shards);

  [[nodiscard]] std::uint32_t of(std::uint32_t token) const;
  [[nodiscard]] std::uint32_t shards() const { return shards_; }

 private:
  std::unordered_map<std::uint32_t, std::uint32_t> by_token_;
  std::uint32_t shards_;
};

}  // namespace artham::market::feature

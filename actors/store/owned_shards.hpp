#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "store/store.hpp"

namespace artham::actors {

/// The shards of a stream that one actor stores, and how far each of them is.
class owned_shards {
 public:
  /// All of a stream that is not sharded, at its beginning.
  owned_shards() { at_[0].emplace(); }
  /// Those shards, at the beginning.
  explicit owned_shards(std::span<const std::uint32_t> shards) {
    for (const auto s : shards) at_.at(s).emplace();
  }

  void set(std::uint32_t shard, record::position at) { at_.at(shard) = at; }
  /// All of them have come at least to `at`.
  void raise(record::position at) {
    for (auto& own : at_) {
      if (own) own = std::max(*own, at);
    }
  }
  /// It is one of them, and has not come to `at` yet.
  [[nodiscard]] bool wants(std::uint32_t shard, record::position at) const {
    return at_[shard] && at > *at_[shard];
  }
  [[nodiscard]] record::position of(std::uint32_t shard) const { return at_.at(shard).value(); }
  [[nodiscard]] record::position smallest() const {
    std::optional<record::position> least;
    for (const auto& own : at_) {
      if (own && (!least || *own < *least)) least = own;
    }
    return least.value_or(record::position{});
  }

 private:
  std::array<std::optional<record::position>, store::tick_shards> at_;
};

/// What the `part`th of some actors stores when they share the ticks: every shard is somebody's.
[[nodiscard]] inline std::vector<std::uint32_t> shards_of_part(std::size_t part,
                                                               std::size_t parts) {
  std::vector<std::uint32_t> all;
  for (auto s = part; s < store::tick_shards; s += parts)
    all.push_back(static_cast<std::uint32_t>(s));
  return all;
}

}  // namespace artham::actors

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "market/feature/shard_map.hpp"
#include "messages/record/record.hpp"

namespace artham::app {

/// How far a derived stream is stored, by what made its last stored record: one stream, or one in
/// each shard of a cluster.
class stored_progress {
 public:
  /// Of a stream alone.
  explicit stored_progress(record::cause at) : at_{{0, at}} {}
  /// Of a cluster's shards; those that are not named have stored nothing.
  stored_progress(std::map<std::uint32_t, record::cause> at,
                  std::shared_ptr<const market::feature::shard_map> shards)
      : at_(std::move(at)), shards_(std::move(shards)) {}

  [[nodiscard]] record::cause of(std::uint32_t token) const {
    const auto it = at_.find(shards_ ? shards_->of(token) : 0);
    return it == at_.end() ? record::cause{} : it->second;
  }
  /// In a cluster each shard counts the outputs of one cause on its own.
  [[nodiscard]] bool counts_by_shard() const { return shards_ && shards_->shards() > 1; }
  /// For people.
  [[nodiscard]] record::cause least() const {
    record::cause least{{UINT32_MAX, UINT64_MAX}, UINT32_MAX};
    for (const auto& entry : at_) least = std::min(least, entry.second);
    return at_.empty() ? record::cause{} : least;
  }

 private:
  std::map<std::uint32_t, record::cause> at_;
  std::shared_ptr<const market::feature::shard_map> shards_;
};

/// `md:features` and 3 of `md:features:3`; 0 where the name tells none.
struct shard_stream {
  std::string_view base;
  std::uint32_t shard = 0;
};
[[nodiscard]] shard_stream parse_shard(std::string_view stream);

}  // namespace artham::app

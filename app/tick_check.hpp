#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "app/bar_check.hpp"
#include "app/findings.hpp"
#include "bridge/bridge.hpp"
#include "market/feature/shard_map.hpp"
#include "store/audit.hpp"

namespace artham::app {

/// How far the ticks of each instrument are stored: by the shards that the store takes a stream of
/// ticks in, or, in a store with the position of shard 0 alone, all of it; of each of a cluster's
/// streams.
class tick_positions {
 public:
  /// Of a cluster; before the first `add`. Null: there is one stream.
  void divide(std::shared_ptr<const market::feature::shard_map> shards);
  void add(std::uint32_t stream, std::uint32_t shard, record::position at) {
    streams_.at(stream).at(shard) = at;
  }
  [[nodiscard]] record::position of(std::uint32_t token) const;
  [[nodiscard]] record::position least() const;
  [[nodiscard]] record::position most() const;

 private:
  using by_shard = std::array<std::optional<record::position>, store::tick_shards>;
  [[nodiscard]] static bool is_sharded(const by_shard& stream);

  std::vector<by_shard> streams_{1};
  std::shared_ptr<const market::feature::shard_map> divided_;
};

/// Compares the tick table with md:ticks up to where it is stored: each journaled tick is there
/// once, as it was. Ticks in front of the first row are told, not held against the table: it may
/// have been switched on later. Returns the number of rows, 0 when no ticks are kept as rows.
[[nodiscard]] result<std::uint64_t> check_ticks(store::audit& stored, bridge::bridge& journal,
                                                const tick_positions& stored_until,
                                                const check_context& context, findings& found);

}  // namespace artham::app

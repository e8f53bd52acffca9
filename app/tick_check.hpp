#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "app/bar_check.hpp"
#include "app/findings.hpp"
#include "bridge/bridge.hpp"
#include "store/audit.hpp"

namespace artham::app {

/// How far the ticks of each instrument are stored: shard by shard, or, in a store with the
/// position of shard 0 alone, all of them.
class tick_positions {
 public:
  void add(std::uint32_t shard, record::position at) { shards_.at(shard) = at; }
  [[nodiscard]] record::position of(std::uint32_t token) const {
    return is_sharded() ? shards_[store::tick_shard(token)].value_or(record::position{})
                        : shards_[0].value_or(record::position{});
  }
  [[nodiscard]] record::position least() const;
  [[nodiscard]] record::position most() const;

 private:
  [[nodiscard]] bool is_sharded() const;
  std::array<std::optional<record::position>, store::tick_shards> shards_;
};

/// Compares the tick table with md:ticks up to where it is stored: each journaled tick is there
/// once, as it was. Ticks in front of the first row are told, not held against the table: it may
/// have been switched on later. Returns the number of rows, 0 when no ticks are kept as rows.
[[nodiscard]] result<std::uint64_t> check_ticks(store::audit& stored, bridge::bridge& journal,
                                                const tick_positions& stored_until,
                                                const check_context& context, findings& found);

}  // namespace artham::app

#pragma once

#include <cstdint>
#include <vector>

#include "market/error.hpp"
#include "messages/record/record.hpp"
#include "messages/record/tick_part.hpp"

namespace artham::bridge {

/// How md:ticks is cut into shards.
struct sharding {
  std::uint32_t shards = 1;
  record::shard_of_token shard_of;  ///< below `shards`
  record::tick_cutter frames;       ///< of kite_frame records
};

/// The part of a block of md:ticks that each shard gets: its instruments' ticks, in records of
/// their own with the record's times and flags `continued` and `goes_on`; every mark; `elsewhere`
/// in the place of what other shards have, so that all positions stay. Null for a shard that gets
/// nothing but `elsewhere`. A record that cannot be cut goes to shard 0 as it is. A damaged block
/// becomes `without_damage`. errc::bad_input for records that
/// md:ticks does not have.
[[nodiscard]] result<std::vector<record::block_ptr>> split_by_shard(const record::block_ptr& whole,
                                                                    const sharding& how);

/// A block that stands for a damaged one and can be written: its gap mark, then `elsewhere` for the
/// other positions that are lost.
[[nodiscard]] record::block_ptr without_damage(const record::block& damaged);

}  // namespace artham::bridge

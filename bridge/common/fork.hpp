#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bridge/bridge.hpp"

namespace artham::bridge {

/// True when `stream` has a record of that epoch at that place.
[[nodiscard]] result<bool> has_position(bridge& b, std::string_view stream, record::position at);

/// The first position of each epoch of a stream, in order. Waits up to `limit` for each.
/// errc::unavailable.
[[nodiscard]] result<std::vector<record::position>> epochs_of(bridge& b, std::string_view stream,
                                                              record::position top,
                                                              market::duration limit);

/// A stream by its epochs; the first of them may have lost its beginning.
struct epoch_list {
  std::vector<record::position> begins;
  record::position top;

  /// 0 where there is none.
  [[nodiscard]] std::uint32_t epoch_at(std::uint64_t seq) const;
};

/// The last position up to which both are the same, if `other` ends at one that `own` does not
/// have.
[[nodiscard]] std::uint64_t common_end(const epoch_list& own, const epoch_list& other);

/// Where `own` (md:ticks) and what `other` holds of it in its shards part: the last position that
/// is in both. Nothing when every shard of `other` ends within `own`.
[[nodiscard]] result<std::optional<record::position>> find_fork(bridge& own, bridge& other,
                                                                std::uint32_t shards,
                                                                market::duration limit);

}  // namespace artham::bridge

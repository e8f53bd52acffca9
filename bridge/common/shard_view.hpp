#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bridge/bridge.hpp"

namespace artham::bridge {

/// The name that a stream has in a shard: `md:ticks` is `md:ticks:3` in shard 3 of several, and
/// itself where there is only one.
[[nodiscard]] std::string stream_in_shard(std::string_view stream, std::uint32_t shard,
                                          std::uint32_t shards);

/// One shard of `whole`, with the names that streams have where there is one only. `whole` must
/// outlive it; its stop does nothing.
[[nodiscard]] std::unique_ptr<bridge> shard_view(bridge& whole, std::uint32_t shard,
                                                 std::uint32_t shards);

}  // namespace artham::bridge

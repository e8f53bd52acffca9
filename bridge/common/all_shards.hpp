#pragma once

#include <cstdint>
#include <memory>

#include "bridge/bridge.hpp"

namespace artham::bridge {

/// The streams of all shards of `whole`, to be read under the names that streams have where there
/// is one shard only: each shard's records in their order, those of several as they come. Marks of
/// md:ticks, which every shard has, come once. Nothing can be written. `whole` must outlive it; its
/// stop does nothing.
[[nodiscard]] std::unique_ptr<bridge> all_shards(bridge& whole, std::uint32_t shards);

}  // namespace artham::bridge

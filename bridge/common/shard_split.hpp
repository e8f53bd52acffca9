#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "market/error.hpp"
#include "messages/record/record.hpp"

namespace artham::bridge {

/// Where an instrument belongs.
using shard_of_token = std::function<std::uint32_t(std::uint32_t token)>;
/// Cuts a frame into its packets: calls fn(token, packet) for each, in order (feed::decoder's).
using packets_of_frame = std::function<void(
    std::string_view frame, const std::function<void(std::uint32_t, std::string_view)>& fn)>;
/// Makes a frame of packets.
using frame_of_packets = std::function<std::string(const std::vector<std::string_view>& packets)>;

/// The part of a block of md:ticks that each shard gets: packets and packed ticks of its
/// instruments, in frames of their own with the frame's times; every mark; `elsewhere` in the place
/// of what other shards have, so that all positions stay. Null for a shard that gets nothing but
/// `elsewhere`. A frame's later parts in one shard have header flag `continued`.
[[nodiscard]] result<std::vector<record::block_ptr>> split_by_shard(const record::block& whole,
                                                                    std::uint32_t shards,
                                                                    const shard_of_token& shard_of,
                                                                    const packets_of_frame& packets,
                                                                    const frame_of_packets& frame);

}  // namespace artham::bridge

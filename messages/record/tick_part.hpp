#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace artham::record {

/// Where an instrument belongs.
using shard_of_token = std::function<std::uint32_t(std::uint32_t token)>;

/// A stretch of the ticks of one record: a body of the same kind.
struct tick_part {
  std::uint32_t shard = 0;
  std::uint16_t count = 0;  ///< positions
  std::string body;
};

/// Cuts bodies of one kind of record where the next tick belongs to another shard, and puts them
/// together again.
struct tick_cutter {
  /// The parts in order, `count` positions together; joined they are the body, byte for byte. None
  /// when the body does not hold `count` ticks.
  std::function<std::vector<tick_part>(std::string_view body, std::uint16_t count,
                                       const shard_of_token& shard_of)>
      cut;
  /// Appends the next part.
  std::function<void(std::string& body, std::string_view part)> join;
};

}  // namespace artham::record

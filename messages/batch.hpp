#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "market/position.hpp"

namespace artham::messages {

/// How far the streams that a gateway reads have been told to its clients: one position for each,
/// in the order of the gateway's list of them.
struct resume_point {
  std::vector<market::position> at;
  friend bool operator==(const resume_point&, const resume_point&) = default;
};
using resume_point_ptr = std::shared_ptr<const resume_point>;

/// What a client reads.
enum class format : std::uint8_t {
  json,
  binary,  ///< values are binary messages, all else JSON
};

/// The key of resume tokens that a session is sent as it goes along.
inline constexpr std::uint64_t token_key = UINT64_MAX;

/// Messages for all clients that want the same, encoded once and ready for the wire. Immutable once
/// shared.
struct batch {
  enum class kind : std::uint8_t {
    value,   ///< a newer one of the same key makes it worthless (an unfinished bar, a tick)
    record,  ///< may not be left out (a finished bar)
    event,   ///< likewise, of the whole session or of a key (a gap, a state)
  };
  struct item {
    std::uint64_t key = 0;  ///< in its namespace (in_space); 0: of no subscription
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    batch::kind kind = kind::value;
  };
  /// Where it comes from.
  enum class origin : std::uint8_t {
    live,     ///< what is pushed
    reply,    ///< answers the session's last command
    refusal,  ///< likewise: what the command asked for was not done
  };
  std::shared_ptr<const std::string> bytes;  ///< WebSocket frames, one behind the other
  std::vector<item> items;                   ///< the frames, in order
  batch::origin source = origin::live;
  std::uint8_t space = 0;  ///< the namespace that the keys are of; 0: live
  /// Whoever has got this has all up to here. Null: says nothing of that.
  resume_point_ptr upto;
};
using batch_ptr = std::shared_ptr<const batch>;

}  // namespace artham::messages

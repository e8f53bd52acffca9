#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "market/position.hpp"
#include "market/time.hpp"

namespace artham::messages {

/// How far the streams that a gateway reads have been told to its clients: one position for each,
/// in the order of the gateway's list of them.
struct resume_point {
  std::vector<market::position> at;
  /// Of derived streams with a numbering of their own: the cause of the record at that position,
  /// which finds its place in the store. Zero where the position says it, or it is not known;
  /// empty: all are.
  std::vector<market::cause> causes;
  market::timestamp time = 0;  ///< market time; 0: not known

  [[nodiscard]] market::cause cause(std::size_t i) const {
    return i < causes.size() ? causes[i] : market::cause{};
  }
  friend bool operator==(const resume_point&, const resume_point&) = default;
};
using resume_point_ptr = std::shared_ptr<const resume_point>;

/// What a client reads.
enum class format : std::uint8_t {
  json,
  binary,  ///< values are binary messages, all else JSON
  kite,    ///< packets in the binary frames of Kite's ticker; no events
};
inline constexpr std::size_t formats = 3;
[[nodiscard]] constexpr bool has_events(format f) {
  return f != format::kite;
}

/// The key of resume tokens that a session is sent as it goes along.
inline constexpr std::uint64_t token_key = UINT64_MAX;
/// The key `system`: what the node, or the cluster, tells of itself. That of no instrument's ticks.
inline constexpr std::uint64_t system_key = std::uint64_t{UINT32_MAX} << 32U;

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
  /// The frames, in order; with format::kite the packets in them, each with its length in front.
  std::vector<item> items;
  batch::origin source = origin::live;
  std::uint8_t space = 0;  ///< the namespace that the keys are of; 0: live
  /// Whoever has got this has all up to here. Null: says nothing of that.
  resume_point_ptr upto;
  std::uint64_t resumption = 0;  ///< answers the request of this number to join; 0: does not
};
using batch_ptr = std::shared_ptr<const batch>;

}  // namespace artham::messages

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bridge/common/replica.hpp"
#include "bridge/redis/forwarder.hpp"
#include "messages/record/tick_part.hpp"

namespace artham::bridge::redis {

struct follower_options {
  std::uint32_t shards = 1;
  record::tick_cutter frames;
  /// Called once, from the follower's thread, when it cannot go on, and ends: errc::conflict with a
  /// fork when the copy has what Redis does not (its end is an orphan), not_found or corrupt when
  /// what comes next is in Redis no more.
  std::function<void(const error&, const std::optional<fork>&)> on_end;
  std::uint64_t batch = 4'096;                         ///< records read at once
  std::uint64_t wait_bytes = 64ULL << 20U;             ///< about what waits for a slower shard
  market::duration pause = 250 * market::millisecond;  ///< after something went wrong
};

struct follower_status {
  record::position position;  ///< the end of the copy
  std::uint64_t lag = 0;      ///< positions of the shard that is most behind
  std::optional<error> suffers;
  bool ended = false;
};

/// Keeps a journal's md:ticks a copy of what Redis accepted, and the contents that its marks name.
/// Owns a thread, and the replica until it ends.
class follower {
 public:
  virtual ~follower() = default;
  /// Ends the thread and lets go of the replica; the copy ends where all shards are known. Also by
  /// the destructor.
  virtual void stop() = 0;
  [[nodiscard]] virtual follower_status status() const = 0;
  /// Every shard was read up to its top, by shard.
  [[nodiscard]] virtual bool has_reached(std::span<const record::position> tops) const = 0;
  /// At a take-over, when nobody else writes any more: waits until the tops are reached, takes what
  /// is left of each shard, and ends. Answers the end of the copy. errc::unavailable when the time
  /// is over: it goes on following; the error that ended it, if it has.
  virtual result<record::position> finish(std::vector<record::position> tops,
                                          market::duration limit) = 0;
};

/// Both bridges must outlive it. `copy` is of `journal`'s md:ticks. An empty copy begins where all
/// shards have something.
[[nodiscard]] std::unique_ptr<follower> make_follower(bridge& journal,
                                                      std::unique_ptr<replica> copy, bridge& redis,
                                                      follower_options o);

}  // namespace artham::bridge::redis

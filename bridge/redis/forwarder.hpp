#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "bridge/common/shard_split.hpp"
#include "bridge/redis/redis.hpp"

namespace artham::bridge::redis {

/// Where a journal and Redis part: `keep` is the last position that both have. What the journal has
/// behind it is an orphan (local::options::keep_until).
struct fork {
  record::position keep;
  bool is_beyond = false;  ///< the journal has nothing behind it: Redis goes on where it ends
};

struct forwarder_options {
  sharding how;
  /// Where to begin in an emptied Redis: the last position that is not needed there any more, such
  /// as the one before the trading day. Zeros: everything that the journal has.
  std::function<record::position()> refill_from;
  /// Called once, from the forwarder's thread, when Redis holds what this journal does not: it
  /// ends.
  std::function<void(const fork&)> on_fork;
  std::uint64_t batch = 4'096;                                 ///< records read at once
  market::duration check_interval = 2 * market::second;        ///< of a stream that stands still
  market::duration shortest_pause = 50 * market::millisecond;  ///< after something went wrong
  market::duration longest_pause = 2 * market::second;
};

struct forwarder_status {
  record::position position;  ///< everything up to here was given to the bridge
  std::uint64_t lag = 0;      ///< positions that are durable here and not given yet
  bool up = false;            ///< Redis takes it
  std::optional<error> suffers;
  std::optional<redis::fork> forked;
  std::uint64_t refills = 0;  ///< times that Redis was found empty
};

/// Brings the durable part of a journal's md:ticks into Redis, cut into shards. Owns a thread.
///
/// It goes on behind what Redis has, as long as this journal has the same. Where Redis was emptied
/// or has lost its end, it comes again; an emptied one begins with what is in force at
/// `refill_from`. Contents that marks name are there before the marks. While the lease `ingest` is
/// not held, it waits.
class forwarder {
 public:
  virtual ~forwarder() = default;
  /// Ends the thread. What was given to the bridge is the bridge's. Also by the destructor.
  virtual void stop() = 0;
  [[nodiscard]] virtual forwarder_status status() const = 0;
};

/// Both bridges must outlive it, and be stopped after it.
[[nodiscard]] std::unique_ptr<forwarder> make_forwarder(bridge& journal, redis_bridge& redis,
                                                        forwarder_options o);

}  // namespace artham::bridge::redis

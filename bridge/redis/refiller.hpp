#pragma once

#include <cstdint>
#include <memory>

#include "bridge/common/shard_split.hpp"
#include "bridge/redis/redis.hpp"
#include "runtime/metrics.hpp"

namespace artham::bridge::redis {

struct refiller_options {
  sharding how;
  endpoint server;
  std::uint64_t answer_bytes = 4ULL << 20U;  ///< of records in one answer, roughly
  market::duration look_interval = 100 * market::millisecond;  ///< for questions
  runtime::metrics* metrics = nullptr;                         ///< must outlive it
};

/// Answers readers that a forced trim overtook with what they miss of md:ticks, from the journal of
/// the node that holds the lease `ingest`: a piece at a time, the next one when that is read. Owns
/// a thread and a connection.
class refiller {
 public:
  virtual ~refiller() = default;
  /// Answers under this fence from now on; 0: not at all.
  virtual void hold(std::uint64_t fence) = 0;
  /// Ends the thread. Also by the destructor.
  virtual void stop() = 0;
};

/// The journal must outlive it, and be stopped after it.
[[nodiscard]] std::unique_ptr<refiller> make_refiller(bridge& journal, refiller_options o);

}  // namespace artham::bridge::redis

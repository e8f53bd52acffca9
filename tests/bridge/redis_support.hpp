#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bridge/redis/redis.hpp"
#include "tests/bridge/support.hpp"
#include "tests/support/redis_server.hpp"

namespace artham::test {

/// By its unix socket, with little patience.
inline bridge::redis::options options_for(const redis_server& server) {
  bridge::redis::options o;
  o.server.socket = server.socket();
  o.server.timeout = market::second;
  return o;
}

/// What a lease's taking does.
inline void mint(const redis_server& server, const std::string& lease, std::uint64_t fence) {
  static_cast<void>(server.cli({"HSET", "artham:fence:" + lease, "fence", std::to_string(fence)}));
}

inline std::unique_ptr<bridge::redis::redis_bridge> open_or_fail(const bridge::redis::options& o) {
  auto opened = bridge::redis::open(o);
  if (!opened) FAIL(opened.error().message);
  return std::move(*opened);
}

/// The same, with all leases of one shard under fence 1.
inline std::unique_ptr<bridge::redis::redis_bridge> open_with_leases(
    const redis_server& server, const bridge::redis::options& o) {
  auto b = open_or_fail(o);
  for (const auto* lease : {"ingest", "bars:0", "features:0"}) {
    mint(server, lease, 1);
    b->hold(lease, 1);
  }
  return b;
}

/// What the bridge says of its health, to be waited for.
class health_log {
 public:
  bridge::redis::health_callback callback() {
    return [this](const std::optional<error>& e) {
      const std::lock_guard lock(mutex_);
      now_ = e;
      if (e) seen_.push_back(*e);
      changed_.notify_all();
    };
  }
  /// Until it suffers from that, or from nothing.
  [[nodiscard]] bool wait(std::optional<errc> code) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] {
      return now_.has_value() == code.has_value() && (!code || now_->code == *code);
    });
  }
  [[nodiscard]] std::string last() const {
    const std::lock_guard lock(mutex_);
    return seen_.empty() ? std::string() : seen_.back().message;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<error> now_;
  std::vector<error> seen_;
};

/// One frame of one token at each position; its price is the position.
inline record::block_ptr tick_block(record::position first, std::uint64_t count) {
  auto b = std::make_shared<record::block>();
  b->epoch = first.epoch;
  b->first_seq = first.seq;
  b->count = count;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto seq = first.seq + i;
    b->payload += frame_record({7}, static_cast<std::uint32_t>(seq),
                               open_time + static_cast<market::timestamp>(seq));
  }
  return b;
}

/// Puts blocks of `each` positions in epoch 1, waiting for room.
inline void put_ticks(bridge::redis::redis_bridge& b, std::uint64_t first, std::uint64_t last,
                      std::uint64_t each = 1, const std::string& stream = "md:ticks") {
  for (auto seq = first; seq <= last;) {
    const auto count = std::min(each, last - seq + 1);
    const record::position at{1, seq};
    const auto ok = b.put_block(stream, tick_block(at, count), at);
    if (ok) {
      seq += count;
      continue;
    }
    REQUIRE_MESSAGE(ok.error().code == errc::full, ok.error().message);
    events room;
    b.when_room(room.once());
    REQUIRE(room.wait());
  }
}

/// Whether these are put_ticks' positions, each once.
inline bool are_ticks(const std::vector<record::block_ptr>& blocks, std::uint64_t first,
                      std::uint64_t last) {
  auto seq = first;
  for (const auto& r : records_of(blocks)) {
    if (r.at.seq != seq || r.body != frame({7}, static_cast<std::uint32_t>(seq))) return false;
    ++seq;
  }
  return seq == last + 1 && is_dense(blocks, first);
}

/// The same, as a new reader finds them in Redis.
inline bool has_ticks(bridge::bridge& b, std::uint64_t last,
                      const std::string& stream = "md:ticks") {
  auto r = *b.open_reader(stream, {}, bridge::top::durable, {});
  return are_ticks(pull_to(*r, last), 1, last);
}

/// Records of causes (1, first) to (1, last), some with several outputs.
inline std::string outputs_of(std::uint64_t first, std::uint64_t last) {
  std::string all;
  for (auto seq = first; seq <= last; ++seq) {
    for (std::uint32_t i = 0; i <= seq % 3; ++i)
      all += derived_record({1, seq}, i, std::to_string(seq));
  }
  return all;
}
inline std::uint64_t count_of(std::uint64_t first, std::uint64_t last) {
  std::uint64_t n = 0;
  for (auto seq = first; seq <= last; ++seq) n += 1 + seq % 3;
  return n;
}
inline bool are_outputs(const std::vector<record::block_ptr>& blocks, std::uint64_t first,
                        std::uint64_t last) {
  std::string all;
  for (const auto& b : blocks) all += b->payload;
  return all == outputs_of(first, last);
}

}  // namespace artham::test

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "bridge/bridge.hpp"
#include "messages/record/mark_codec.hpp"

namespace artham::test {

/// 09:15 IST on 2026-11-23.
inline constexpr market::timestamp open_time = 1'795'405'500 * market::second;

/// A Kite frame of one 8-byte ltp packet per token; its price tells `value`.
inline std::string frame(const std::vector<std::uint32_t>& tokens, std::uint32_t value) {
  std::string body;
  const auto put = [&](std::uint32_t v, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) body.push_back(static_cast<char>(v >> (8 * i)));
  };
  put(static_cast<std::uint32_t>(tokens.size()), 2);
  for (const auto token : tokens) {
    put(8, 2);
    put(token, 4);
    put(value, 4);
  }
  return body;
}

inline std::string frame_record(const std::vector<std::uint32_t>& tokens, std::uint32_t value,
                                market::timestamp at = open_time) {
  std::string out;
  record::append(out,
                 record::with_times(record::kind::kite_frame,
                                    static_cast<std::uint16_t>(tokens.size()), at, at),
                 frame(tokens, value));
  return out;
}

inline std::string clock_record(market::timestamp at) {
  market::mark m;
  m.kind = market::mark_kind::clock;
  m.time = m.wall = at;
  std::string out;
  record::append(out, record::with_times(record::kind::mark, 1, at, at), record::encode(m));
  return out;
}

/// A dead letter: a derived record whose body is free.
inline std::string derived_record(record::position cause, std::uint32_t ordinal,
                                  std::string_view body) {
  std::string out;
  record::append(out, record::with_cause(record::kind::dead_letter, {cause, ordinal}), body);
  return out;
}

/// Lets a test wait for callbacks.
class events {
 public:
  std::function<void()> once() {
    return [this] {
      const std::lock_guard lock(mutex_);
      ++count_;
      changed_.notify_all();
    };
  }
  [[nodiscard]] bool wait(int count = 1) {
    std::unique_lock lock(mutex_);
    const bool in_time =
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return count_ >= count; });
    count_ -= count;
    return in_time;
  }
  [[nodiscard]] int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

/// Pulls until the cursor has passed `seq` or 30 s are over; empty pulls wait for the callback.
inline std::vector<record::block_ptr> pull_to(bridge::reader& r, std::uint64_t seq,
                                              std::uint64_t max_records = 1'000'000) {
  std::vector<record::block_ptr> all;
  events ready;
  while (all.empty() || all.back()->last().seq < seq) {
    auto blocks = r.pull(max_records);
    if (!blocks) return {};
    if (blocks->empty()) {
      r.when_ready(ready.once());
      if (!ready.wait()) return {};
    }
    for (auto& b : *blocks) all.push_back(std::move(b));
  }
  return all;
}

struct seen_record {
  record::position at;
  record::header header;
  std::string body;
};
inline std::vector<seen_record> records_of(const std::vector<record::block_ptr>& blocks) {
  std::vector<seen_record> all;
  for (const auto& b : blocks) {
    record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
      all.push_back({{b->epoch, seq}, h, std::string(body)});
    });
  }
  return all;
}

/// True when each block begins where the one before ended.
inline bool is_dense(const std::vector<record::block_ptr>& blocks, std::uint64_t first_seq) {
  for (const auto& b : blocks) {
    if (b->first_seq != first_seq || b->count == 0) return false;
    first_seq = b->last().seq + 1;
  }
  return true;
}

}  // namespace artham::test

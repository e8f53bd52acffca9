#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

/// When to start again and when to give up: plain values and functions of the time they are told.
namespace artham::supervisors {

using duration = std::chrono::nanoseconds;
using time_point = std::chrono::steady_clock::time_point;

/// At most `restarts` in any stretch of `period`.
struct intensity {
  std::size_t restarts = 5;
  duration period = std::chrono::seconds(10);
};

struct backoff {
  duration min = std::chrono::milliseconds(50);
  duration max = std::chrono::seconds(10);
  double factor = 2;
  double jitter = 0.1;  ///< the delay varies by this share of itself, up and down
  /// Running this long without a crash forgets the earlier ones.
  duration healthy = std::chrono::seconds(30);
  /// The first restart after a healthy time waits for nothing; `min` then belongs to the second.
  bool first_at_once = false;
};

/// The delay before the restart that follows the n-th crash in a row (1, 2, …). `random` in [0, 1).
[[nodiscard]] duration backoff_delay(const backoff& b, std::size_t crashes, double random);

/// Counts restarts in a sliding window.
class restart_window {
 public:
  /// Counts one; true when that is more than allowed.
  [[nodiscard]] bool hit(const intensity& limit, time_point now);

 private:
  std::vector<time_point> hits_;  // the oldest first; empty in the many children that never crash
};

/// Counts the children that crashed in a sliding window, each once. O(1) amortised.
class crash_share {
 public:
  /// Counts a crash; the number of different children that crashed within `period`.
  [[nodiscard]] std::size_t hit(std::string_view child, duration period, time_point now);

 private:
  std::deque<std::pair<time_point, std::string>> hits_;
  std::unordered_map<std::string, std::size_t> per_child_;
};

}  // namespace artham::supervisors

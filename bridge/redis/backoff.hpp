#pragma once

#include <algorithm>
#include <chrono>

namespace artham::bridge::redis {

/// 50 ms, doubling up to a second.
class backoff {
 public:
  [[nodiscard]] std::chrono::milliseconds next() {
    const auto now = wait_;
    wait_ = std::min(2 * wait_, longest);
    return now;
  }
  void reset() { wait_ = shortest; }

 private:
  static constexpr std::chrono::milliseconds shortest{50};
  static constexpr std::chrono::milliseconds longest{1000};
  std::chrono::milliseconds wait_ = shortest;
};

}  // namespace artham::bridge::redis

#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace artham::feed::kite {

struct backoff_options {
  std::chrono::milliseconds min{2'000};  ///< the first wait
  std::chrono::milliseconds max{60'000};
  unsigned factor = 2;
  unsigned jitter_percent = 20;  ///< at most this much is added, never beyond `max`
};

/// How long to wait before the next try: min, min·factor, min·factor², … with a little jitter, up
/// to max.
class backoff {
 public:
  backoff(backoff_options options, std::uint32_t seed) : options_(options), random_(seed) {}

  [[nodiscard]] std::chrono::milliseconds next();
  [[nodiscard]] std::chrono::milliseconds longest() const { return options_.max; }
  /// The next wait is the first one again.
  void reset() { base_ = {}; }

 private:
  backoff_options options_;
  std::chrono::milliseconds base_{};
  std::minstd_rand random_;
};

}  // namespace artham::feed::kite

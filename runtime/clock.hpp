#pragma once

#include <chrono>
#include <cstdint>

namespace artham::runtime {

/// This host's clock: nanoseconds UTC. For wall times beside market time, never instead of it.
[[nodiscard]] inline std::int64_t utc_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace artham::runtime

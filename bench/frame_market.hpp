#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/measure.hpp"
#include "market/tick.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"

namespace artham::bench {

struct timed_frame {
  market::timestamp at;
  std::string bytes;
};

/// All instruments tick `per_second` times a second from the open.
struct market_data {
  std::vector<std::uint32_t> tokens;
  std::vector<timed_frame> frames;
  std::uint64_t ticks = 0;
};

[[nodiscard]] market_data make_frames(std::size_t instruments, std::size_t per_second,
                                      std::uint64_t ticks, market::tick_mode mode,
                                      market::timestamp open);

/// What simple code does: one thread, a hash map of instruments, a bar for each timeframe, nothing
/// kept.
[[nodiscard]] measure plain_loop(const market_data& d, const std::vector<market::timeframe>& frames,
                                 market::timestamp open);

}  // namespace artham::bench

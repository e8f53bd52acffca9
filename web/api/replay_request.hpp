#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"

/// Bodies of requests for replays; docs/replays.md.
namespace artham::web {

/// A replay that somebody wants.
struct replay_wish {
  market::timestamp from = 0;
  market::timestamp to = 0;    ///< exclusive
  std::uint32_t speed = 1000;  ///< thousandths of the speed of life; 0: as fast as clients take it
  bool paused = false;
  std::string owner;  ///< whoever asked
};

/// What a replay is told.
struct replay_order {
  enum class op : std::uint8_t { pause, resume, step, seek, speed, stop };
  enum class stretch : std::uint8_t { tick, clock, bar };
  op what = op::pause;
  stretch by = stretch::clock;
  market::timeframe timeframe;
  market::timestamp to = 0;
  std::uint32_t speed = 1000;
};

/// From the body of a request, which is untrusted. The error names the member and what it takes.
[[nodiscard]] result<replay_wish> read_replay_wish(std::string_view body);
[[nodiscard]] result<replay_order> read_replay_order(std::string_view body);

}  // namespace artham::web

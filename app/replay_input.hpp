#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bridge/bridge.hpp"
#include "feed/recording/tick_row.hpp"
#include "market/calendar.hpp"
#include "market/error.hpp"

namespace artham::app {

struct replay_file {
  std::string path;
  feed::recording::volume_use volume = feed::recording::volume_use::cumulative;
  int quantity_digits = 0;
  market::duration lateness = 3 * market::second;
  /// The sessions of an instrument, for the last clock mark.
  std::function<const market::calendar&(std::uint32_t token)> calendar_of;
};

struct replay_counts {
  std::uint64_t ticks = 0;
  record::position last;
};

/// Writes a tick CSV into md:ticks as it would have been journaled, with what the wire cannot
/// carry: an epoch, subscriptions from each token's first row, clock marks at each new whole second
/// of the running maximum of exchange time, and at the end the one behind the last session's close.
/// `written` is called after each batch and may wait.
[[nodiscard]] result<replay_counts> write_tick_csv(
    const replay_file& file, bridge::writer& out,
    const std::function<result<void>(const replay_counts&)>& written);

/// The same for a recording as the exchange would send it: Kite frames, paced by their largest
/// exchange time.
[[nodiscard]] result<replay_counts> write_recording(
    const replay_file& file, bridge::writer& out,
    const std::function<result<void>(const replay_counts&)>& written);

}  // namespace artham::app

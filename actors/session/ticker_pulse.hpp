#pragma once

#include <chrono>
#include <map>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/behavior.hpp>
#include <caf/stateful_actor.hpp>

namespace artham::actors {

/// Tells all sessions of a ticker, once an interval, that it is time to look whether their clients
/// have heard anything. One clock for all of them.
///
/// Takes: (open, session) from each session when it begins. Sends: (tick) to them.
struct ticker_pulse_state {
  static inline const char* name = "artham.ticker_pulse";

  std::map<caf::actor_addr, caf::actor> sessions;
  std::chrono::steady_clock::time_point due;
};

caf::behavior ticker_pulse(caf::stateful_actor<ticker_pulse_state>* self,
                           std::chrono::nanoseconds interval);

}  // namespace artham::actors

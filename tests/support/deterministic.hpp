#pragma once

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <memory>

#include "messages/system.hpp"

namespace artham::test {

/// An actor system whose actors run only in `run`, on the caller's thread, and whose time moves
/// only in `advance`. Actors that are still alive at its end must be told to stop before.
class deterministic {
 public:
  deterministic() = default;
  ~deterministic() {
    settle();
    scheduler.inline_all_enqueues();
  }
  deterministic(const deterministic&) = delete;
  deterministic& operator=(const deterministic&) = delete;

  /// Runs what can run now; timers stay where they are.
  std::size_t run() {
    std::size_t ran = 0;
    while (scheduler.try_run_once()) ++ran;
    return ran;
  }

  /// Moves time on, stopping at every millisecond in which a timer may be due, and runs what that
  /// wakes.
  void advance(caf::timespan by) {
    run();
    constexpr caf::timespan step = std::chrono::milliseconds(1);
    for (; by > caf::timespan::zero(); by -= step) {
      scheduler.advance_time(std::min(by, step));
      run();
    }
  }

 private:
  struct config : caf::actor_system_config {
    config() {
      messages::register_types(*this);
      set("scheduler.policy", caf::atom("testing"));
    }
  };
  /// Lets what is ending end: pending timers included.
  void settle() {
    run();
    while (scheduler.has_pending_timeout()) {
      scheduler.trigger_timeouts();
      run();
    }
  }

  config config_;

 public:
  caf::actor_system system{config_};
  caf::scoped_actor self{system};
  caf::scheduler::test_coordinator& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
};

}  // namespace artham::test

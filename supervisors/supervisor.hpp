#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "messages/directory.hpp"
#include "messages/supervision.hpp"
#include "supervisors/restart_policy.hpp"

namespace artham::runtime {
class metrics;
}

/// Starts children in order, starts them again when they crash, gives up in good order.
///
/// A supervisor monitors its children; it is not linked to them. It waits for nothing but messages:
/// delays are deadlines. When it ends in whatever way, no child outlives it.
namespace artham::supervisors {

/// Who else is started again when one child crashes.
enum class strategy {
  one_for_one,   ///< nobody
  rest_for_one,  ///< those that were started after it
  one_for_all,   ///< all
};

/// A dynamic supervisor gives up when more than max(at_least, percent of its children) crash within
/// the intensity's period.
struct escalation {
  std::size_t at_least = 5;
  double percent = 1;
};

struct supervisor_options {
  std::string name;  ///< in logs, metrics and at the root of a tree: "bars"
  supervisors::strategy strategy = supervisors::strategy::one_for_one;  ///< of static children
  /// Of a static supervisor: all its children together; beyond it the supervisor ends with
  /// crash::escalated. Of a dynamic one: each child; beyond it the child is parked as failed.
  supervisors::intensity intensity;
  supervisors::backoff backoff;
  supervisors::escalation escalation;              ///< of a dynamic supervisor
  std::shared_ptr<messages::directory> directory;  ///< may be null: then nothing is published
  runtime::metrics* metrics = nullptr;  ///< may be null; else it outlives the actor system
  duration kill_grace =
      std::chrono::seconds(5);     ///< a child that was killed and stays longer is given up
  std::function<double()> random;  ///< in [0, 1), for the jitter; unset: the system's
};

/// Starts the children in their order, each when the factory of the one before has returned. Where
/// children depend on those before them (rest_for_one, one_for_all) a factory that throws is tried
/// again first. Stops them in reverse, one after the other. Ids must differ: else the supervisor
/// ends at once with errc::usage.
///
/// Somebody must hold the handle: CAF ends an actor that nobody can reach.
[[nodiscard]] messages::supervisor_actor spawn_supervisor(
    caf::actor_system& system, supervisor_options options,
    std::vector<messages::child_spec> children);

/// Children come and go by request and do not depend on each other: they stop together.
[[nodiscard]] messages::supervisor_actor spawn_dynamic_supervisor(caf::actor_system& system,
                                                                  supervisor_options options);

/// The same as a child of another supervisor.
[[nodiscard]] messages::child_spec nested_supervisor(std::string id, supervisor_options options,
                                                     std::vector<messages::child_spec> children);
[[nodiscard]] messages::child_spec nested_dynamic_supervisor(std::string id,
                                                             supervisor_options options);

/// Asks an actor to end and waits for it; false if it has not ended in that time. Not to be called
/// by an actor.
[[nodiscard]] bool stop_and_wait(caf::actor_system& system, const caf::actor& who, duration limit);

}  // namespace artham::supervisors

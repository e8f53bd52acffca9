#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/error.hpp>
#include <caf/fwd.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/typed_actor.hpp>

#include "messages/type_ids.hpp"

/// What actors and their supervisors say to each other.
namespace artham::messages {

enum class restart : std::uint8_t {
  permanent,  ///< always
  transient,  ///< after a crash
  temporary,  ///< never
};
enum class child_kind : std::uint8_t { worker, supervisor };
enum class child_state : std::uint8_t {
  starting,  ///< its turn has not come yet
  running,
  backing_off,  ///< crashed; will be started again after a while
  stopping,     ///< told to end
  failed,       ///< parked after too many crashes: not started again unless somebody asks
  stopped,      ///< ended, or ended with its group until that starts again
};
inline constexpr std::size_t child_states = 6;
[[nodiscard]] const char* to_string(child_state s);

/// What a factory is told: spawn with `system`; the generation is 1 for the first life and counts
/// each next one.
struct child_context {
  caf::actor_system& system;
  const std::string& id;
  std::uint64_t generation;
};

/// Makes one life of a child. May throw: that counts as a crash.
using child_factory = std::function<caf::actor(const child_context&)>;

/// A factory from a function that returns any actor handle, typed or not.
template <class F>
[[nodiscard]] child_factory make_factory(F f) {
  return [f = std::move(f)](const child_context& c) { return caf::actor_cast<caf::actor>(f(c)); };
}

struct child_spec {
  std::string id;  ///< unique within its supervisor
  child_factory factory;
  messages::restart restart = messages::restart::permanent;
  /// Time from the request to end until it is killed; unset: 5 s for a worker, no limit for a
  /// supervisor (its own children have limits).
  std::optional<std::chrono::nanoseconds> shutdown;
  child_kind kind = child_kind::worker;
  /// Name in the directory; empty: not in it.
  std::string publish_as;
  /// Messages or records that wait for the child, for the tree; called from the supervisor's
  /// thread.
  std::function<std::int64_t()> queue_depth;
};

/// To observers, in the exact order in which it happened to that child. A life begins with
/// `started` and ends with `down` of the same generation; `down` is followed by `started` of the
/// next generation, `parked` or `removed`, or by nothing when the supervisor itself ends.
struct child_event {
  enum class what : std::uint8_t {
    started,  ///< a life with a new handle
    down,     ///< that life has ended: `reason` (none: normal)
    parked,   ///< crashed too often; stays down
    removed,  ///< the supervisor has forgotten it: stopped on request, or ended and not to be
              ///< restarted
  };
  child_event::what what = child_event::what::started;
  std::string id;
  std::uint64_t generation = 0;
  caf::actor handle;  ///< only when started
  caf::error reason;  ///< only when down or parked
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, child_event& x) {
  return f(caf::meta::type_name("artham::messages::child_event"), x.what, x.id, x.generation,
           x.handle, x.reason);
}

/// A supervisor or one of its children, as the tree shows it.
struct tree_node {
  std::string id;
  child_kind kind = child_kind::worker;
  child_state state = child_state::running;
  std::uint64_t restarts = 0;
  std::uint64_t generation = 0;   ///< 0: never started
  std::string error;              ///< why it crashed last; empty: never did
  std::int64_t queue_depth = -1;  ///< -1: not known
  /// A supervisor's children in their order. With more than 200 dynamic ones: at most 200 of those
  /// that do not run.
  std::vector<tree_node> children;
  /// Number of children by state; of a supervisor only.
  std::map<std::string, std::uint64_t> counts;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, tree_node& x) {
  return f(caf::meta::type_name("artham::messages::tree_node"), x.id, x.kind, x.state, x.restarts,
           x.generation, x.error, x.queue_depth, x.children, x.counts);
}

/// Every supervisor, whatever its strategy. Ends, its children first, when it gets an exit message.
/// Its errors are artham::errc (see error_of).
using supervisor_actor = caf::typed_actor<
    // Dynamic supervisors: starts a child; a parked one of that id is replaced. `conflict`: the id
    // is in use; `unavailable`: the supervisor is stopping; the factory's error if it threw:
    // nothing is kept then.
    caf::replies_to<start_child_atom, child_spec>::with<caf::actor>,
    // Dynamic supervisors: ends and forgets a child; answers when it is down. `not_found`.
    caf::replies_to<stop_child_atom, std::string>::with<caf::ok_atom>,
    // Sends child_event for the children that are there and for all that happens from now on, until
    // the observer ends.
    caf::reacts_to<caf::subscribe_atom, caf::actor>,
    // The tree below, with what answers within half a second, or the given time.
    caf::replies_to<tree_atom>::with<tree_node>,
    caf::replies_to<tree_atom, caf::timespan>::with<tree_node>>;

}  // namespace artham::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::child_spec)

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/error.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "messages/supervision.hpp"
#include "runtime/metrics.hpp"
#include "supervisors/deadlines.hpp"
#include "supervisors/supervisor.hpp"

namespace artham::supervisors {

/// A supervisor's own view of itself: it also wakes itself up.
using supervisor_self =
    messages::supervisor_actor::extend<caf::reacts_to<caf::tick_atom, std::uint64_t>>;

struct child {
  messages::child_spec spec;
  messages::child_state state = messages::child_state::starting;
  std::uint64_t generation = 0;
  std::uint64_t restarts = 0;
  std::size_t crashes_in_a_row = 0;
  time_point started_at;
  caf::actor handle;  ///< while it lives
  std::string last_error;
  bool killed = false;
  deadlines::ticket deadline = deadlines::none;
  restart_window window;
  std::vector<caf::typed_response_promise<caf::ok_atom>> stop_waiters;
  runtime::counter* restarts_metric = nullptr;
};

/// What all supervisors do alike: the lives of children, deadlines, observers, directory, metrics,
/// the tree. When to start whom again is the derived class's.
class nursery {
 public:
  nursery(supervisor_self::base& self, supervisor_options options);
  /// Kills what still lives.
  virtual ~nursery();
  nursery(const nursery&) = delete;
  nursery& operator=(const nursery&) = delete;

  /// Starts the first children.
  virtual void open() = 0;

  virtual caf::result<caf::actor> start_child(messages::child_spec spec) = 0;
  virtual caf::result<caf::ok_atom> stop_child(const std::string& id) = 0;
  void subscribe(const caf::actor& observer);
  caf::result<messages::tree_node> tree(caf::timespan budget);

  void on_down(const caf::down_msg& down);
  void on_wake(std::uint64_t ticket);
  /// Ends the children, then the supervisor with that reason. Only the first call counts.
  void shut_down(caf::error reason);

 protected:
  /// The child has ended, or could not be started, and nobody asked it to.
  virtual void on_ended(child& c, const caf::error& reason) = 0;
  /// The child has ended because of `stop`.
  virtual void on_stopped(child& c) = 0;
  /// The child's delay is over.
  virtual void on_delay_over(child& c) = 0;
  /// Stops what is to be stopped next; calls `leave` when no child lives.
  virtual void continue_shutdown() = 0;
  /// The children as the tree lists them.
  [[nodiscard]] virtual std::vector<const child*> shown() const = 0;

  child& add(messages::child_spec spec);
  /// Forgets a child that is not alive.
  void remove(child& c);
  [[nodiscard]] child* find(const std::string& id);
  [[nodiscard]] std::size_t size() const { return children_.size(); }
  /// Children that have a handle: running or stopping.
  [[nodiscard]] std::size_t alive() const { return by_address_.size(); }

  /// One more life. The error of a factory that failed, noted in the child, without any other
  /// consequence.
  [[nodiscard]] caf::error start(child& c);
  /// Asks the running child to end and sees to it that it does.
  void stop(child& c);
  /// `on_delay_over` after the back-off that follows one more crash.
  void back_off(child& c, const caf::error& reason);
  /// Gives up on a child for good.
  void park(child& c, const caf::error& reason);
  void set_state(child& c, messages::child_state s);
  /// Ends the supervisor.
  void leave();

  template <class F>
  void for_each(F f) const {
    for (auto& [id, c] : children_) f(*c);
  }

  [[nodiscard]] const supervisor_options& options() const { return options_; }
  [[nodiscard]] time_point now() const { return self_.clock().now(); }
  [[nodiscard]] bool shutting_down() const { return shutting_down_; }
  supervisor_self::base& self() { return self_; }
  [[nodiscard]] std::array<std::size_t, messages::child_states> counts() const { return counts_; }

 private:
  [[nodiscard]] caf::error make_life(child& c, caf::actor& handle, std::uint64_t generation);
  void set_deadline(child& c, duration delay);
  void wake_in_time();
  /// The child is dead, by what its DOWN said or because we do not wait any longer.
  void end(child& c, const caf::error& reason);
  void stop_late(child& c);
  void tell(const messages::child_event& event);
  [[nodiscard]] messages::tree_node node_of(const child& c) const;
  [[nodiscard]] double random();

  supervisor_self::base& self_;
  supervisor_options options_;
  std::unordered_map<std::string, std::unique_ptr<child>> children_;
  std::unordered_map<caf::actor_addr, child*> by_address_;
  std::vector<caf::actor> observers_;
  bool shutting_down_ = false;
  caf::error final_reason_;

  deadlines deadlines_;
  std::optional<time_point> wake_at_;
  std::uint64_t wake_ticket_ = 0;

  std::array<std::size_t, messages::child_states> counts_{};
  std::array<runtime::gauge*, messages::child_states> gauges_{};
};

}  // namespace artham::supervisors

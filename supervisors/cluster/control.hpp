#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "market/error.hpp"
#include "messages/cluster.hpp"

namespace artham::supervisors {

namespace detail {
struct control_state;
}

/// Ends a subscription when it goes; its function is not running any more then.
class subscription {
 public:
  subscription() = default;
  explicit subscription(std::function<void()> end) : end_(std::move(end)) {}
  ~subscription() { reset(); }
  subscription(subscription&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
  subscription& operator=(subscription&& other) noexcept {
    if (this != &other) {
      reset();
      end_ = std::exchange(other.end_, nullptr);
    }
    return *this;
  }
  void reset() {
    if (const auto end = std::exchange(end_, nullptr)) end();
  }

 private:
  std::function<void()> end_;
};

/// This node's side of the cluster's control messages, for actors and threads alike. It outlives
/// the lives of the actor that does the talking (spawn_cluster_node), and what was said to it
/// counts for the next one.
///
/// Functions that are given to it run on a thread of the actor system, one at a time: they must
/// return soon, must not throw, and must not call back into the object.
class control {
 public:
  control();
  ~control();
  control(const control&) = delete;
  control& operator=(const control&) = delete;

  /// What this node's clients are subscribed to, the whole set: told to every ingest node, a few
  /// times a second at most.
  void want(std::vector<std::uint32_t> tokens);
  /// What this node's clients watch unfinished values of, the whole set: told to every node that
  /// makes bars or features.
  void watch(std::vector<messages::watched> wanted);

  /// The union of what all gateways want, ascending: at once and whenever it changes.
  [[nodiscard]] subscription on_demand(
      std::function<void(const std::vector<std::uint32_t>&)> listener);
  /// The union of what all gateways watch, by ascending token: at once and whenever it changes.
  [[nodiscard]] subscription on_watch(
      std::function<void(const std::vector<messages::watched>&)> listener);
  /// What happens to other nodes; at once `joined` for those that are there.
  [[nodiscard]] subscription on_member(std::function<void(const messages::member_event&)> listener);

  /// Where this node's tree comes from; an empty handle: it has none.
  void serve_tree(messages::supervisor_actor top);
  /// This node's status as JSON text.
  void serve_status(std::function<std::string()> status);
  /// Called with who asks when this node is to hand over and stop.
  void serve_drain(std::function<void(const std::string& who)> drain);

  /// Who talks for this node at present; an empty handle: nobody.
  [[nodiscard]] messages::cluster_actor actor() const;

  // These wait for their answer, and so are not for actors: they ask `actor()` themselves.
  // `unavailable` when nobody talks for this node.

  [[nodiscard]] result<messages::member_list> members() const;
  /// All known nodes' trees by node name. A node that does not answer within the limit is among
  /// them, with the reason.
  [[nodiscard]] result<std::map<std::string, result<messages::tree_node>>> trees(
      std::chrono::nanoseconds limit) const;
  /// All known nodes' status texts, likewise.
  [[nodiscard]] result<std::map<std::string, result<std::string>>> statuses(
      std::chrono::nanoseconds limit) const;
  /// Asks a node, perhaps this one, to hand over and stop; returns when it has taken the request.
  [[nodiscard]] result<void> drain(const std::string& node, const std::string& why) const;

  /// For the actor that does the talking.
  [[nodiscard]] const std::shared_ptr<detail::control_state>& state() const { return state_; }

 private:
  std::shared_ptr<detail::control_state> state_;
};

}  // namespace artham::supervisors

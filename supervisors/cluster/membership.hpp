#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/error.hpp>

#include "messages/cluster.hpp"
#include "runtime/metrics.hpp"
#include "supervisors/cluster/dialer.hpp"
#include "supervisors/cluster/endpoint.hpp"
#include "supervisors/cluster/node.hpp"
#include "supervisors/cluster/node_self.hpp"

namespace artham::supervisors {

/// Another node that is or was there.
struct peer {
  messages::member who;
  messages::node_control_actor handle;  ///< empty: gone
  time_point since;                     ///< in this state
  [[nodiscard]] bool present() const { return static_cast<bool>(handle); }
};

/// Who is in the cluster, as one node sees it: connects to the seeds and to all that it hears of,
/// watches them, and connects again. Both sides of a connection greet, check, and watch each other.
class membership {
 public:
  using listener = std::function<void(const messages::member_event&, const peer&)>;

  /// Throws messages::failure for a seed that is none.
  membership(node_self::pointer self, const cluster_node_options& options, listener tell);
  /// Watches nobody any more: what is watched would remember it as long as it lives.
  ~membership();
  membership(const membership&) = delete;
  membership& operator=(const membership&) = delete;

  /// The node listens at this port now.
  void open(std::uint16_t port);
  void tick(time_point now);
  /// The dialer's answer.
  void on_probed(const std::string& place, const std::string& address, const std::string& error);
  /// A greeting, from its sender's own actor.
  caf::result<messages::welcome> on_hello(const messages::member& who);
  /// Somebody says that this node is there, too.
  void hear_of(const messages::member& who);
  void on_bye(const std::string& why);
  void on_down(const caf::down_msg& down);
  /// Says goodbye to all.
  void leave();

  void subscribe(const caf::actor& observer);

  [[nodiscard]] const messages::member& me() const { return me_; }
  [[nodiscard]] messages::member_list list() const;
  /// By name; all but this node.
  [[nodiscard]] const std::map<std::string, peer>& peers() const { return peers_; }

 private:
  /// A place where a node is or was, or is said to be.
  struct target {
    endpoint where;
    bool seed = false;
    bool self = false;  ///< it is this node
    bool busy = false;
    std::string node;  ///< who was there last; empty: not known
    std::size_t failures = 0;
    time_point due;
    time_point useful;  ///< when it was last worth having
    std::string said;   ///< the last error that was logged
  };

  target& target_of(const endpoint& where, time_point now);
  void dial(const std::string& place, target& t);
  void greet(const std::string& place, const caf::node_id& node, const caf::strong_actor_ptr& there,
             const std::set<std::string>& offers);
  void on_welcome(const std::string& place, const messages::node_control_actor& there,
                  const messages::welcome& w);
  void on_failure(const std::string& place, const error& e, bool may_be_chance = false);
  void settle(const messages::member& who, const messages::node_control_actor& handle);
  void lose(peer& p, const std::string& why, bool for_good);
  void forget(time_point now);
  [[nodiscard]] std::optional<error> objection(const messages::member& who) const;
  [[nodiscard]] bool is_present(const target& t) const;
  void note_refusal(const messages::member& who, const std::string& why);
  void announce(messages::member_change change, const peer& p);
  [[nodiscard]] duration jittered(duration d);
  [[nodiscard]] time_point now() const { return self_->clock().now(); }

  node_self::pointer self_;
  messages::member me_;
  bool open_ = false;  ///< the port is known
  cluster_times times_;
  listener tell_;
  std::map<std::string, peer> peers_;
  std::map<std::string, target> targets_;  ///< by their place as text
  std::unordered_map<caf::actor_addr, std::string> watched_;
  std::vector<caf::actor> observers_;
  std::map<std::string, std::string> refused_;  ///< by node, why: what has been logged
  time_point forget_due_;
  std::minstd_rand random_{std::random_device()()};

  runtime::gauge* present_gauge_ = nullptr;
  runtime::gauge* gone_gauge_ = nullptr;
  std::array<runtime::counter*, messages::member_changes> changes_{};
  runtime::counter* refusals_ = nullptr;
  runtime::counter* failures_ = nullptr;

  dialer dialer_;
};

}  // namespace artham::supervisors

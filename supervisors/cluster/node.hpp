#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "messages/cluster.hpp"
#include "messages/credentials.hpp"
#include "supervisors/cluster/control.hpp"
#include "supervisors/restart_policy.hpp"

namespace artham::runtime {
class metrics;
}

namespace artham::supervisors {

/// How long a node waits in its dealings with others.
struct cluster_times {
  /// Before a lost connection is tried again, doubled at each further failure ...
  duration retry_min = std::chrono::milliseconds(100);
  duration retry_max = std::chrono::seconds(2);  ///< ... up to this; also after a refusal
  /// Of two nodes one connects first; the other only if that has not come after this time.
  duration courtesy = std::chrono::milliseconds(400);
  duration answer = std::chrono::milliseconds(1500);  ///< for each step of a connection
  duration forget = std::chrono::minutes(10);         ///< a node that is gone is shown so long
  /// The wishes of a gateway that is gone count for so long.
  duration forget_wishes = std::chrono::seconds(10);
  duration conflate = std::chrono::milliseconds(250);  ///< between two messages with wishes
};

struct cluster_node_options {
  /// This node; listens at its address and port (0: any free one, and shown as what it became).
  messages::member self;
  std::vector<std::string> seeds;     ///< "host:port"; may name this node, and any more than once
  messages::credentials credentials;  ///< those of the system's configuration
  std::shared_ptr<supervisors::control> control;  ///< may be null
  runtime::metrics* metrics = nullptr;            ///< may be null; else it outlives the system
  cluster_times times;
};

/// A text that no other process has.
[[nodiscard]] std::string make_life();

/// The actor that talks to the other nodes, in a system made with make_network_config. It finds all
/// nodes of the cluster from the seeds, watches them, and speaks for `control`. An empty life in
/// `self` is made up. Ends with `conflict` when it cannot listen, with `bad_input` for a seed that
/// is none. An exit message has it say goodbye first.
[[nodiscard]] messages::cluster_actor spawn_cluster_node(caf::actor_system& system,
                                                         cluster_node_options options);

/// The same as a child of a supervisor. All its lives are one life to the others: the process.
[[nodiscard]] messages::child_spec cluster_node_child(cluster_node_options options);

}  // namespace artham::supervisors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/timespan.hpp>
#include <caf/typed_actor.hpp>

#include "messages/supervision.hpp"
#include "messages/type_ids.hpp"

/// What the nodes of a cluster say to each other: control only, records travel elsewhere. Texts and
/// integers alone: CAF 0.17 does not carry floating point.
namespace artham::messages {

/// What must be equal for nodes to understand each other. Raised with any change of a type below
/// but `member`, whose layout stays: it is what tells a stranger.
inline constexpr std::uint32_t cluster_protocol = 1;

/// A node as it presents itself.
struct member {
  std::string cluster;
  std::string node;     ///< its name: one living process has it at a time
  std::string life;     ///< another one in each process
  std::string version;  ///< of the program, for people
  std::uint32_t protocol = cluster_protocol;
  std::vector<std::string> roles;
  std::string address;  ///< where others reach it
  std::uint16_t port = 0;
  std::uint32_t shards = 1;
  std::uint32_t capacity = 1;  ///< its share of the work, relative to others
  friend bool operator==(const member&, const member&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, member& x) {
  return f(caf::meta::type_name("artham::messages::member"), x.cluster, x.node, x.life, x.version,
           x.protocol, x.roles, x.address, x.port, x.shards, x.capacity);
}

enum class member_change : std::uint8_t {
  joined,     ///< a life that was not there before
  gone,       ///< it left, died, or does not answer
  back,       ///< the same life again
  forgotten,  ///< gone for so long that it is not shown any more
};
inline constexpr std::size_t member_changes = 4;
[[nodiscard]] const char* to_string(member_change c);

/// To observers of the membership, in the order in which it happened to that node.
struct member_event {
  member_change what = member_change::joined;
  member who;
  friend bool operator==(const member_event&, const member_event&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, member_event& x) {
  return f(caf::meta::type_name("artham::messages::member_event"), x.what, x.who);
}

/// What a node answers to a greeting: itself, and the others that it is connected to.
struct welcome {
  member who;
  std::vector<member> others;
  friend bool operator==(const welcome&, const welcome&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, welcome& x) {
  return f(caf::meta::type_name("artham::messages::welcome"), x.who, x.others);
}

/// The nodes that one node knows, itself among them, by name.
struct member_list {
  std::vector<member> present;
  std::vector<member> gone;
  friend bool operator==(const member_list&, const member_list&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, member_list& x) {
  return f(caf::meta::type_name("artham::messages::member_list"), x.present, x.gone);
}

/// All the instruments that a gateway has subscribers for.
struct demand {
  std::string node;
  std::string life;
  std::uint64_t number = 0;  ///< rises within a life: the highest counts
  std::vector<std::uint32_t> wanted;
  friend bool operator==(const demand&, const demand&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, demand& x) {
  return f(caf::meta::type_name("artham::messages::demand"), x.node, x.life, x.number, x.wanted);
}

/// An instrument whose unfinished values somebody looks at.
struct watched {
  std::uint32_t token = 0;
  std::uint64_t timeframes = 0;  ///< bit i: the configured timeframe i
  bool chain = false;            ///< the option chain of this underlying
  friend bool operator==(const watched&, const watched&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watched& x) {
  return f(caf::meta::type_name("artham::messages::watched"), x.token, x.timeframes, x.chain);
}

/// All that the clients of a gateway watch unfinished bars and chains of.
struct watch {
  std::string node;
  std::string life;
  std::uint64_t number = 0;  ///< rises within a life: the highest counts
  std::vector<watched> wanted;
  friend bool operator==(const watch&, const watch&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watch& x) {
  return f(caf::meta::type_name("artham::messages::watch"), x.node, x.life, x.number, x.wanted);
}

/// A node's supervision tree, or why there is none.
struct node_tree {
  std::string node;
  std::string error;  ///< empty: answered
  tree_node tree;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, node_tree& x) {
  return f(caf::meta::type_name("artham::messages::node_tree"), x.node, x.error, x.tree);
}

/// By node name.
struct cluster_trees {
  std::vector<node_tree> nodes;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cluster_trees& x) {
  return f(caf::meta::type_name("artham::messages::cluster_trees"), x.nodes);
}

/// A node's status as JSON text, or why there is none.
struct node_status {
  std::string node;
  std::string error;  ///< empty: answered
  std::string json;
  friend bool operator==(const node_status&, const node_status&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, node_status& x) {
  return f(caf::meta::type_name("artham::messages::node_status"), x.node, x.error, x.json);
}

/// By node name.
struct cluster_statuses {
  std::vector<node_status> nodes;
  friend bool operator==(const cluster_statuses&, const cluster_statuses&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cluster_statuses& x) {
  return f(caf::meta::type_name("artham::messages::cluster_statuses"), x.nodes);
}

/// What every node publishes for the others. The sender of a greeting must be the node's own actor
/// of this kind: it is watched from then on.
using node_control_actor = caf::typed_actor<
    // `refused` with the reason: another cluster, protocol or number of shards, a name in use.
    caf::replies_to<hello_atom, member>::with<welcome>,
    // Another node that the sender is connected to.
    caf::reacts_to<members_atom, member>,
    // The sender leaves, or wants nothing to do with the receiver; the text says why.
    caf::reacts_to<bye_atom, std::string>,
    // Replaces what that gateway wanted before.
    caf::reacts_to<demand>, caf::reacts_to<watch>,
    // The tree below the node, with what answers within the given time; `unsupported`.
    caf::replies_to<tree_atom, caf::timespan>::with<tree_node>,
    // `unsupported` from a node that has none.
    caf::replies_to<status_atom>::with<std::string>,
    // Hand over, then stop; the text says who asks. Answered when the request is taken;
    // `unsupported`.
    caf::replies_to<drain_atom, std::string>::with<caf::ok_atom>>;

/// The same actor as its own node sees it.
using cluster_actor = node_control_actor::extend<
    // Sends member_event: joined for those that are there, then all that happens, until the
    // observer ends.
    caf::reacts_to<caf::subscribe_atom, caf::actor>,  //
    caf::replies_to<members_atom>::with<member_list>,
    // Of all known nodes, within the given time; one that does not answer appears with the reason.
    caf::replies_to<tree_atom, everyone_atom, caf::timespan>::with<cluster_trees>,
    caf::replies_to<status_atom, everyone_atom, caf::timespan>::with<cluster_statuses>,
    // Asks the node of that name to hand over and stop. `not_found`, or what it answers.
    caf::replies_to<drain_atom, std::string, std::string>::with<caf::ok_atom>,
    // What this node wishes for has changed.
    caf::reacts_to<wishes_atom>>;

}  // namespace artham::messages

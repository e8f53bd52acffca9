#pragma once

#include <cstdint>
#include <string>

#include "app/cluster/rules_in_force.hpp"
#include "app/cluster/unit.hpp"
#include "bridge/bridge.hpp"
#include "messages/supervision.hpp"
#include "supervisors/roles.hpp"

namespace artham::app::cluster {

/// Id of the tree that publishes what forms under a lease.
[[nodiscard]] std::string live_id(const std::string& lease);

/// Publishes the unfinished bars of a shard; `tree` has the directory where its bar reader is.
[[nodiscard]] messages::child_spec live_bars_publisher(workshop& w, const rules_in_force& rules,
                                                       std::uint32_t shard, bridge::bridge& view,
                                                       const supervisors::tree_options& tree);
/// Publishes its chains between clock marks, likewise.
[[nodiscard]] messages::child_spec live_chains_publisher(workshop& w, const rules_in_force& rules,
                                                         std::uint32_t shard, bridge::bridge& view,
                                                         const supervisors::tree_options& tree);

/// Id of the tree that gives a gateway's hub the unfinished values of all shards.
inline constexpr const char* live_values_id = "live";
/// `tree` has the directory of that hub.
[[nodiscard]] messages::child_spec live_values(workshop& w, const rules_in_force& rules,
                                               const supervisors::tree_options& tree);

}  // namespace artham::app::cluster

#pragma once

#include <nlohmann/json_fwd.hpp>

#include "messages/supervision.hpp"

namespace artham::supervisors {

/// As `/v1/system/tree` shows it: id, kind, state, restarts, generation; error and queue_depth
/// where known; of a supervisor counts (children by state) and children.
[[nodiscard]] nlohmann::json to_json(const messages::tree_node& node);

}  // namespace artham::supervisors

#include "supervisors/tree_json.hpp"

#include <nlohmann/json.hpp>

namespace artham::supervisors {

nlohmann::json to_json(const messages::tree_node& node) {
  const bool supervisor = node.kind == messages::child_kind::supervisor;
  nlohmann::json out = {
      {"id", node.id},
      {"kind", supervisor ? "supervisor" : "worker"},
      {"state", messages::to_string(node.state)},
      {"restarts", node.restarts},
      {"generation", node.generation},
  };
  if (!node.error.empty()) out["error"] = node.error;
  if (node.queue_depth >= 0) out["queue_depth"] = node.queue_depth;
  if (supervisor) {
    out["counts"] = node.counts;
    out["children"] = nlohmann::json::array();
    for (const auto& c : node.children) out["children"].push_back(to_json(c));
  }
  return out;
}

}  // namespace artham::supervisors

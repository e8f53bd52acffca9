#pragma once

#include <string>
#include <string_view>

namespace artham::app {

/// What the key `system` tells of a node or a cluster, out of what `/v1/status` says: `nodes`,
/// `shards`, `restarts`, `store`, `streams` and `waiting`, as members of a JSON object. Empty for a
/// status that cannot be read.
[[nodiscard]] std::string system_members(std::string_view status_json);

}  // namespace artham::app

#pragma once

#include <string>

#include "market/error.hpp"
#include "messages/cluster.hpp"

namespace artham::supervisors {

/// "node n1 (10.0.0.5:7001)".
[[nodiscard]] std::string describe(const messages::member& m);

/// Whether the two may be nodes of one cluster: `refused` with the difference and the way out, in
/// words that are true on both sides.
[[nodiscard]] result<void> compatible(const messages::member& a, const messages::member& b);

/// The refusal of a node whose name a living process has.
[[nodiscard]] error name_in_use(const messages::member& newcomer, const messages::member& holder);

}  // namespace artham::supervisors

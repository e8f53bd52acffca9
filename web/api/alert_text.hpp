#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "market/error.hpp"
#include "store/alerts.hpp"

namespace artham::web {

/// A rule as REST shows it.
[[nodiscard]] nlohmann::ordered_json rule_json(const store::stored_rule& r);

/// What a client says of a rule, put over `to`: members that are left out stay as they are. The
/// error names the member, what it was and what is accepted; what the members are together worth is
/// looked at, too: the condition fits the key.
[[nodiscard]] result<void> read_rule(std::string_view body, store::alert_rule& to);

}  // namespace artham::web

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "messages/protocol/command.hpp"

namespace artham::protocol {

/// `{"id":1,"op":"auth","key":"artham_…"}`, or with `ticket`.
struct auth_command {
  std::string id;          ///< as JSON; echoed
  std::string credential;  ///< to be wiped by whoever takes it; never printed
};

/// Nothing when the text is another command, or none.
[[nodiscard]] std::optional<tl::expected<auth_command, refusal>> parse_auth(std::string_view text);

}  // namespace artham::protocol

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "market/error.hpp"

namespace artham::supervisors {

/// Where a node listens.
struct endpoint {
  std::string host;  ///< a name or an IP address, without brackets
  std::uint16_t port = 0;
  friend auto operator<=>(const endpoint&, const endpoint&) = default;
};

/// "host:port"; an IPv6 address in brackets. `bad_input` names the text.
[[nodiscard]] result<endpoint> parse_endpoint(std::string_view text);
[[nodiscard]] std::string to_string(const endpoint& e);

}  // namespace artham::supervisors

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/client.hpp"

namespace artham::web {

/// RFC 6455 section 4.2.2: the answer to a client's key; nothing when the key is not 16 bytes in
/// base64.
[[nodiscard]] std::optional<std::string> websocket_accept(std::string_view key);

/// True when a comma-separated header value has this token, whatever the case.
[[nodiscard]] bool has_token(std::string_view value, std::string_view token);

/// The first of `spoken` that is in `offered`, the header's values in order.
[[nodiscard]] std::optional<messages::subprotocol> choose_subprotocol(
    const std::vector<std::string>& offered, const std::vector<messages::subprotocol>& spoken);

/// True when the path is the pattern's, whose segments in braces stand for any that is not empty.
[[nodiscard]] bool path_fits(std::string_view pattern, std::string_view path);

/// No origin (not a browser), the server's own (by https alone when it speaks TLS itself), or one
/// that is allowed: when none is named, those of loopback.
[[nodiscard]] bool origin_allowed(std::string_view origin, std::string_view host, bool encrypted,
                                  const std::vector<std::string>& allowed);

/// `localhost`, a loopback address, or one that is allowed; with or without port. No host is fine
/// (HTTP/1.0).
[[nodiscard]] bool host_allowed(std::string_view host, const std::vector<std::string>& allowed);

}  // namespace artham::web

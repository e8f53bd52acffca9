#pragma once

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "market/error.hpp"

namespace artham::net {

/// A client context that verifies its peer, TLS 1.2 or newer. `ca_file` (PEM) replaces the system's
/// authorities when it is not empty.
[[nodiscard]] result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(
    const std::string& ca_file);

/// Sets the server name to ask for and to verify; `host` is a name or an address.
[[nodiscard]] bool expect_host(SSL* handle, const std::string& host);

}  // namespace artham::net

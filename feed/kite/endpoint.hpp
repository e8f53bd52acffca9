#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market/error.hpp"

namespace artham::feed::kite {

/// Where a server listens, from a URL like `wss://ws.kite.trade` or `http://127.0.0.1:9000/kite`.
struct endpoint {
  bool tls = false;
  std::string host;  ///< name or address, IPv6 without brackets
  std::uint16_t port = 0;
  std::string path;  ///< percent-encoded, without a trailing slash; may be empty

  /// For the Host header: the port only when it is not the scheme's own.
  [[nodiscard]] std::string authority() const;
  /// True when `host` is an address, not a name.
  [[nodiscard]] bool is_address() const;
};

/// `plain` and `secure` are the two schemes allowed ("ws", "wss"). User info, query and fragment
/// are refused: credentials never travel in a configured URL.
[[nodiscard]] result<endpoint> parse_endpoint(std::string_view url, std::string_view plain,
                                              std::string_view secure);

using parameters = std::vector<std::pair<std::string_view, std::string_view>>;
/// `a=1&b=2`, percent-encoded for a query or a form (RFC 3986 unreserved characters stay).
[[nodiscard]] std::string encode_parameters(const parameters& p);

}  // namespace artham::feed::kite

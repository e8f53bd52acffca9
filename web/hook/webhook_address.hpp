#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "market/error.hpp"

namespace boost::asio::ip {
class address;
}

namespace artham::web {

/// Where a webhook goes, of a URL such as `https://hooks.example/artham?room=7`.
struct webhook_address {
  bool tls = false;
  std::string host;  ///< name or address, IPv6 without brackets
  std::uint16_t port = 0;
  std::string target;  ///< path and query

  /// For the Host header: the port only when it is not the scheme's own.
  [[nodiscard]] std::string authority() const;
};

/// User info and fragments are refused: secrets in URLs are seen. The error names the URL and what
/// is accepted.
[[nodiscard]] result<webhook_address> parse_webhook(std::string_view url);

/// An address of the public internet: none of this computer, of private networks, of links, of
/// tests and of groups, also where IPv6 stands for such a one of IPv4.
[[nodiscard]] bool is_public_address(const boost::asio::ip::address& a);
/// The host is written as an address that is not public, or as `localhost`: nothing has to be
/// resolved to know.
[[nodiscard]] bool is_inside(const webhook_address& a);

}  // namespace artham::web

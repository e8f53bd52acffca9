#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace artham::config {

/// Where a Redis is, as `bridge.redis.url` says it.
struct redis_address {
  std::string host;  ///< empty with a socket
  std::uint16_t port = 6379;
  std::string socket;  ///< path of a unix socket
  std::string user;    ///< empty: the server's default user
  int database = 0;
  friend bool operator==(const redis_address&, const redis_address&) = default;
};

/// `redis://[user@]host[:port][/database]` or `unix://[user@]/path[?db=database]`. Nothing for what
/// is neither, and for what has a password in it.
[[nodiscard]] std::optional<redis_address> parse_redis_url(std::string_view url);

}  // namespace artham::config

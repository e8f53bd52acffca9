#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "bridge/redis/redis.hpp"
#include "tests/bridge/support.hpp"
#include "tests/support/redis_server.hpp"

namespace artham::test {

/// By its unix socket, with little patience.
inline bridge::redis::options options_for(const redis_server& server) {
  bridge::redis::options o;
  o.server.socket = server.socket();
  o.server.timeout = market::second;
  return o;
}

/// What a lease's taking does.
inline void mint(const redis_server& server, const std::string& lease, std::uint64_t fence) {
  static_cast<void>(server.cli({"HSET", "artham:fence:" + lease, "fence", std::to_string(fence)}));
}

inline std::unique_ptr<bridge::redis::redis_bridge> open_or_fail(const bridge::redis::options& o) {
  auto opened = bridge::redis::open(o);
  if (!opened) FAIL(opened.error().message);
  return std::move(*opened);
}

/// The same, with all leases of one shard under fence 1.
inline std::unique_ptr<bridge::redis::redis_bridge> open_with_leases(
    const redis_server& server, const bridge::redis::options& o) {
  auto b = open_or_fail(o);
  for (const auto* lease : {"ingest", "bars:0"}) {
    mint(server, lease, 1);
    b->hold(lease, 1);
  }
  return b;
}

}  // namespace artham::test

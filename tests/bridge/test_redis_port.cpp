#include <doctest/doctest.h>

#include "tests/bridge/redis_support.hpp"

namespace artham::test {
namespace {

template <bridge::redis::encoding how>
struct in_redis {
  static constexpr bool reads_ahead = true;
  static constexpr bool stands_by_cause = true;

  redis_server server;
  std::unique_ptr<bridge::redis::redis_bridge> bridge;
  in_redis() {
    mint(server, "ingest", 1);
    mint(server, "bars:0", 1);
    mint(server, "features:0", 1);
    auto o = options_for(server);
    o.encoding = how;
    bridge = open_or_fail(o);
    bridge->hold("ingest", 1);
    bridge->hold("bars:0", 1);
    bridge->hold("features:0", 1);
  }
  bridge::bridge& get() { return *bridge; }
};
using in_packed_entries = in_redis<bridge::redis::encoding::packed>;
using in_spelled_entries = in_redis<bridge::redis::encoding::fields>;

}  // namespace
}  // namespace artham::test

#define EVERY in_packed_entries, in_spelled_entries
#include "tests/bridge/port_cases.hpp"

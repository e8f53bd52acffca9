#include "messages/network.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>
#include <chrono>

#include "messages/system.hpp"

namespace artham::messages {
namespace {

enum class reach { nowhere, host, network, wildcard };

reach reach_of(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    const auto host = ntohl(v4.s_addr);
    if (host == INADDR_ANY) return reach::wildcard;
    return host >> 24 == IN_LOOPBACKNET ? reach::host : reach::network;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return reach::nowhere;
  if (IN6_IS_ADDR_UNSPECIFIED(&v6)) return reach::wildcard;
  return IN6_IS_ADDR_LOOPBACK(&v6) ? reach::host : reach::network;
}

result<void> check_address(const network_options& o) {
  switch (reach_of(o.address)) {
    case reach::nowhere:
      return fail(errc::usage, fmt::format("cluster.address = \"{}\" is not an IP address; give "
                                           "this host's, such as 10.0.0.5",
                                           o.address));
    case reach::wildcard:
      return fail(errc::usage, fmt::format("cluster.address = \"{}\" says nothing to the other "
                                           "nodes; give the address at which they reach this one",
                                           o.address));
    case reach::network:
      if (!o.credentials.empty()) return {};
      return fail(errc::usage,
                  fmt::format("cluster.address = \"{}\" is open to other hosts, and nodes without "
                              "certificates trust everybody; set cluster.certificate, cluster.key "
                              "and cluster.authority (script/certificates makes some), or listen "
                              "on 127.0.0.1",
                              o.address));
    case reach::host:
      return {};
  }
  return {};
}

}  // namespace

result<caf::actor_system_config> make_network_config(const network_options& o) {
  if (auto ok = check_address(o); !ok) return tl::unexpected(ok.error());
  if (auto ok = check(o.credentials); !ok) return tl::unexpected(ok.error());
  using namespace std::chrono_literals;
  auto config = make_system_config(o.threads);
  config.load<caf::io::middleman>();
  config.set("middleman.heartbeat-interval", caf::timespan(200ms));
  config.set("middleman.connection-timeout", caf::timespan(800ms));
  if (!o.credentials.empty()) {
    config.load<caf::openssl::manager>();
    config.openssl_certificate = o.credentials.certificate;
    config.openssl_key = o.credentials.key;
    config.openssl_cafile = o.credentials.authority;
  }
  return config;
}

caf::io::middleman_actor network_of(caf::actor_system& system) {
  return system.has_openssl_manager() ? system.openssl_manager().actor_handle()
                                      : system.middleman().actor_handle();
}

}  // namespace artham::messages

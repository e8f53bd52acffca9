#include "app/access_setup.hpp"

#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>

#include "app/opened_store.hpp"
#include "runtime/log.hpp"
#include "store/postgres/access.hpp"
#include "store/sqlite/access.hpp"

namespace artham::app {

namespace {

web::access_mode mode_of(config::web_access a) {
  switch (a) {
    case config::web_access::open:
      return web::access_mode::open;
    case config::web_access::keys:
      return web::access_mode::keys;
    default:
      return web::access_mode::automatic;
  }
}

bool is_loopback(const std::string& address) {
  return address == "::1" || address.starts_with("127.");
}

}  // namespace

result<std::unique_ptr<store::access>> open_store_access(const config::settings& s,
                                                         const std::filesystem::path& data) {
  if (s.store.kind == config::store_kind::postgres)
    return store::postgres::open_access(postgres_server_of(s));
  return store::sqlite::open_access(database_file(data));
}

result<std::shared_ptr<web::access_control>> start_access(const config::settings& s,
                                                          const std::filesystem::path& data,
                                                          runtime::metrics& metrics) {
  const auto& w = s.web;
  auto from = open_store_access(s, data);
  if (!from) return tl::unexpected(from.error());
  web::access_options o;
  o.mode = mode_of(w.access);
  const bool loopback = is_loopback(w.address);
  o.trusted_address = loopback || w.insecure_listen;
  o.ticket_life = std::chrono::nanoseconds(w.ticket_life);
  o.auth_timeout = std::chrono::milliseconds(w.auth_timeout / market::millisecond);
  o.failures_per_minute = static_cast<std::size_t>(w.auth_failures);
  o.max_sessions_per_key = static_cast<std::size_t>(w.max_sessions_per_key);
  std::error_code ec;
  std::filesystem::create_directories(data, ec);
  o.marker = data / "access.required";
  auto started = web::access_control::start(std::move(o), std::move(*from), metrics);
  if (!started) return started;
  if ((*started)->required()) {
    runtime::log().info(
        "who connects needs a key (artham key add) or a password (artham user add)");
  } else if (!loopback) {
    runtime::log().warn("{} is open to whoever reaches it: no key is needed", w.address);
  }
  return started;
}

}  // namespace artham::app

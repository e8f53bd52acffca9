#include "app/web_options.hpp"

#include <chrono>

namespace artham::app {

namespace {

std::chrono::milliseconds in_milliseconds(market::duration d) {
  return std::chrono::milliseconds(d / market::millisecond);
}

}  // namespace

web::server_options web_options(const config::settings::web_section& w) {
  web::server_options o;
  o.address = w.address;
  o.port = w.port;
  o.tls = {w.certificate, w.key};
  o.insecure_listen = w.insecure_listen;
  o.allowed_origins = w.origins;
  o.allowed_hosts = w.hosts;
  o.compression = w.compression;
  o.max_header_bytes = static_cast<std::size_t>(w.max_header);
  o.max_body_bytes = static_cast<std::size_t>(w.max_body);
  o.max_message_bytes = static_cast<std::size_t>(w.max_frame);
  o.session_budget_bytes = static_cast<std::size_t>(w.session_bytes);
  o.max_sessions = static_cast<std::size_t>(w.max_sessions);
  o.max_connections = static_cast<std::size_t>(w.max_connections);
  o.max_per_address = static_cast<std::size_t>(w.max_per_address);
  o.max_half_open = static_cast<std::size_t>(w.max_half_open);
  o.max_requests = static_cast<std::size_t>(w.max_requests);
  o.idle_timeout = in_milliseconds(w.idle_timeout);
  o.handshake_timeout = in_milliseconds(w.handshake_timeout);
  return o;
}

}  // namespace artham::app

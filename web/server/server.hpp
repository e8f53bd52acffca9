#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "market/error.hpp"
#include "messages/client.hpp"
#include "runtime/metrics.hpp"
#include "web/server/http.hpp"
#include "web/server/tls.hpp"

namespace artham::web {

struct server_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0: any free one, see server::port
  tls_files tls;
  /// Without TLS, only loopback addresses are served unless this is set.
  bool insecure_listen = false;
  /// Origins (`https://charts.example`) whose pages may open WebSockets, besides this server's own
  /// and, when there are none, those of loopback.
  std::vector<std::string> allowed_origins;
  /// Names that this server may be called by besides loopback ones (a page elsewhere could
  /// otherwise point a name of its own at 127.0.0.1). Only looked at on a loopback address
  /// without TLS.
  std::vector<std::string> allowed_hosts;

  bool compression = false;  ///< permessage-deflate for clients that offer it

  std::size_t max_header_bytes = 16 << 10;
  std::size_t max_body_bytes = 64 << 10;
  std::size_t max_message_bytes = 64 << 10;    ///< inbound WebSocket message
  std::size_t session_budget_bytes = 4 << 20;  ///< outbound, queued for one session
  std::size_t max_connections = 512;           ///< sessions included
  std::size_t max_per_address = 0;             ///< connections; 0: no limit
  std::size_t max_half_open = 256;  ///< connections without a request in work: the oldest is closed
  std::size_t max_requests = 10'000;  ///< of one connection
  std::size_t max_sessions = 256;
  std::chrono::milliseconds handshake_timeout{
      10'000};  ///< to receive one whole request; to open a session
  std::chrono::milliseconds idle_timeout{
      60'000};  ///< kept-alive connections; silence of a WebSocket peer
  std::chrono::milliseconds certificate_interval{5'000};  ///< looks at the files that often
  std::chrono::milliseconds answer_timeout{15'000};       ///< for a route to answer
  std::chrono::milliseconds close_timeout{
      2'000};  ///< for a peer to take part in closing; for stop()
};

/// Where WebSockets are opened.
struct websocket_endpoint {
  std::string path;  ///< `/kite/replay/{id}/ws`: a segment in braces stands for any
  messages::gateway* gateway = nullptr;  ///< outlives the server
};

struct server_dependencies {
  http_handler handler;
  std::vector<websocket_endpoint> websockets;  ///< the first whose path fits
  runtime::metrics* metrics = nullptr;         ///< outlives the server
};

struct engine;

/// HTTP/1.1 and WebSockets on one listening socket, with one network thread of its
/// own.
class server {
 public:
  /// Listens when it returns. Errors: errc::usage (an address that is none or is not loopback,
  /// files of TLS), errc::conflict (port in use), errc::io.
  [[nodiscard]] static result<std::unique_ptr<server>> start(server_options options,
                                                             server_dependencies dependencies);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// `http://127.0.0.1:8080`
  [[nodiscard]] std::string url() const;
  /// Refuses new connections, closes all, ends the thread; takes at most about close_timeout. Any
  /// thread but the server's own; again is harmless.
  void stop();

 private:
  explicit server(std::shared_ptr<engine> e) : engine_(std::move(e)) {}
  std::shared_ptr<engine> engine_;
};

}  // namespace artham::web

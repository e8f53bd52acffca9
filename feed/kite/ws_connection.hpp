#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include "feed/kite/endpoint.hpp"

namespace artham::feed::kite {

/// Why a connection could not be opened, or ended.
struct connection_failure {
  enum class kind : std::uint8_t {
    lost,      ///< network, TLS, or the peer closed
    refused,   ///< the handshake was answered with `http_status` instead of an upgrade
    protocol,  ///< the peer broke HTTP, WebSocket or the message limit
  };
  kind what = kind::lost;
  int http_status = 0;
  std::string detail;  ///< for people
};

/// One WebSocket connection, plain or TLS, from name to close. Everything happens on the thread
/// that runs the io_context; one read and one write at a time, asked for by the owner.
class ws_connection {
 public:
  /// Calls come after the function that caused them has returned. None after `on_failure` or
  /// `abort`.
  class handler {
   public:
    virtual ~handler() = default;
    virtual void on_open() = 0;
    /// The answer to `read`: one whole message.
    virtual void on_message(bool binary, std::string payload) = 0;
    /// A ping, pong or close came while reading.
    virtual void on_control() = 0;
    virtual void on_written() = 0;
    virtual void on_failure(connection_failure failure) = 0;
  };

  virtual ~ws_connection() = default;
  /// Resolves, connects, shakes hands; `target` is path and query of the request.
  virtual void open(std::string target) = 0;
  virtual void read() = 0;
  virtual void write(std::string message) = 0;
  /// Says goodbye; `on_failure` follows when the peer has answered.
  virtual void close() = 0;
  /// Drops everything at once, in any state.
  virtual void abort() = 0;
  /// What is being done now, for a message about a time-out.
  [[nodiscard]] virtual std::string_view step() const = 0;
};

/// `tls` is needed when `server.tls`. `h` lives until `abort` or `on_failure`.
[[nodiscard]] std::shared_ptr<ws_connection> make_ws_connection(
    boost::asio::io_context& io, endpoint server, std::shared_ptr<boost::asio::ssl::context> tls,
    std::size_t max_message, ws_connection::handler& h);

}  // namespace artham::feed::kite

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace artham::test {

/// A line to a TCP server of 127.0.0.1 that can be made bad: a thread that carries bytes between
/// who connects to `port` and the server. Calls have taken effect when they return. Connections
/// that are cut are reset, as when a machine is gone.
class tcp_proxy {
 public:
  enum class way : unsigned char { to_server, to_client, both };

  explicit tcp_proxy(std::uint16_t server_port);
  ~tcp_proxy();
  tcp_proxy(const tcp_proxy&) = delete;
  tcp_proxy& operator=(const tcp_proxy&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  /// Every piece waits so long on its way; pieces stay in order.
  void delay(std::chrono::milliseconds time);
  /// The connection that has carried so many more bytes that way is cut right behind them, in the
  /// middle of whatever that is; once.
  void cut_after(way direction, std::size_t bytes);
  void cut();
  /// Bytes stay on the line that way: of connections that are, and of those to come, until
  /// `release` lets them go on.
  void hold(way direction);
  /// The same for the connections that are now; those to come work.
  void hold_present(way direction);
  void release();

  /// Connections made since the beginning.
  [[nodiscard]] std::size_t made() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace artham::test

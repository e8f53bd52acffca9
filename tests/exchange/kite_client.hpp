#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/tick.hpp"

namespace artham::exchange::test {

struct received {
  std::string bytes;
  bool text = false;
  /// Of a clock message; none for everything else.
  [[nodiscard]] std::optional<market::timestamp> clock() const;
  [[nodiscard]] bool is_heartbeat() const { return !text && bytes.size() == 1; }
  [[nodiscard]] bool is_frame() const { return !text && bytes.size() > 1; }
};

/// A WebSocket client without opinions, one call at a time.
class kite_client {
 public:
  explicit kite_client(std::uint16_t port,
                       const std::string& target = "/?api_key=k&access_token=t");
  ~kite_client();

  /// 101 after a handshake, else the server's answer.
  [[nodiscard]] unsigned status() const { return status_; }
  void send(std::string_view text);
  void send_binary(std::string_view bytes);
  void subscribe(const std::vector<std::uint32_t>& tokens);
  void unsubscribe(const std::vector<std::uint32_t>& tokens);
  void set_mode(std::string_view mode, const std::vector<std::uint32_t>& tokens);

  /// The next message; none if the connection ended (then closed() is true) or the time is over.
  std::optional<received> read(std::chrono::milliseconds patience = std::chrono::seconds(10));
  /// The next binary message that is no heartbeat.
  std::optional<received> read_frame();
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
  unsigned status_ = 0;
  bool closed_ = false;
};

struct http_reply {
  unsigned status = 0;
  std::string content_type;
  std::string content_encoding;
  std::string body;
};
http_reply http(std::uint16_t port, const std::string& method, const std::string& target,
                const std::string& body = "",
                const std::vector<std::pair<std::string, std::string>>& headers = {});

/// Packets of a frame.
std::vector<std::string> packets_of(std::string_view frame);

}  // namespace artham::exchange::test

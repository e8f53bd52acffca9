#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market/error.hpp"
#include "runtime/secret.hpp"

/// Where a socket meets a session actor. The web server implements `client`, the session side
/// `session` and `gateway`; neither knows the other's library.
namespace artham::messages {

/// One encoded message, shared by every session that gets it.
using frame_ptr = std::shared_ptr<const std::string>;

/// Whole WebSocket frames, one behind the other, in what several sessions share.
struct frames {
  std::shared_ptr<const std::string> of;
  std::size_t offset = 0;
  std::size_t size = 0;
  std::size_t messages = 0;

  [[nodiscard]] std::string_view bytes() const {
    return std::string_view(*of).substr(offset, size);
  }
};

/// A WebSocket subprotocol that a gateway speaks.
struct subprotocol {
  std::string name;              ///< `artham.v1.json`
  bool binary_commands = false;  ///< clients may send binary messages besides text
};

/// The request that opened a WebSocket.
struct opening {
  std::string path;  ///< percent-decoded
  /// Percent-decoded, in order. May hold keys and tokens: to be logged by name only.
  std::vector<std::pair<std::string, std::string>> query;
  std::string origin;             ///< the page's; empty when it is no browser
  runtime::secret authorization;  ///< the header's value
  std::string subprotocol;        ///< agreed upon, one of gateway::subprotocols; empty: none
  std::string address;            ///< `203.0.113.7:50123`
  bool encrypted = false;         ///< by TLS
  std::string owner;              ///< who opened it, as rules of alerts know him: `key:3`

  /// The first value of a query parameter; null when there is none.
  [[nodiscard]] const std::string* parameter(std::string_view name) const {
    for (const auto& [key, value] : query)
      if (key == name) return &value;
    return nullptr;
  }
};

/// The HTTP answer for whoever is not let in, instead of the handshake's.
struct rejection {
  unsigned status = 403;
  std::string json;  ///< the body
};

/// The socket's side. All calls are thread-safe and return at once.
class client {
 public:
  virtual ~client() = default;
  /// Queues one text message. False: the session's byte budget is used up, nothing was queued, and
  /// session::on_drained will be called once when half of it is free again.
  virtual bool send(frame_ptr frame) = 0;
  /// As send, a binary message.
  virtual bool send_binary(frame_ptr frame) = 0;
  /// As send, messages that are framed already.
  virtual bool send_frames(frames some) = 0;
  /// The last command has been handled; the next may be read. Until then the socket is not read.
  virtual void next_command() = 0;
  /// Sends what is queued, then closes with this code.
  virtual void close(std::uint16_t code, std::string reason) = 0;
  /// Likewise, with a last message whatever the budget, and for a client that is slow: it is given
  /// the time that a silent one has.
  virtual void close_slow(frames last, std::uint16_t code, std::string reason) = 0;
  [[nodiscard]] virtual std::string address() const = 0;
};

/// The actor's side of one connection; called from the web server's threads.
class session {
 public:
  virtual ~session() = default;
  /// A text message, valid UTF-8.
  virtual void on_command(std::string text) = 0;
  /// A binary message; it is a command as well. Only where the subprotocol has binary commands: any
  /// other client that sends one is closed with 1003 by the web server.
  virtual void on_binary_command(std::string bytes) = 0;
  virtual void on_drained() = 0;
  virtual void on_closed() = 0;
};

class gateway {
 public:
  virtual ~gateway() = default;
  /// Those that clients may choose from; of several that a client offers, the first here is taken.
  /// A client that offers none is served without. Called from the web server's threads.
  [[nodiscard]] virtual std::vector<subprotocol> subprotocols() const = 0;
  /// Asked before the handshake is answered; nothing: it is. Called from the web server's threads;
  /// must not block.
  [[nodiscard]] virtual std::optional<rejection> rejects(const opening& /*how*/) const {
    return std::nullopt;
  }
  /// Makes a session for a new connection; `done` is called once, from any thread. Refused when the
  /// gateway is full or stopping.
  virtual void open(std::shared_ptr<client> c, opening how,
                    std::function<void(result<std::shared_ptr<session>>)> done) = 0;
};

}  // namespace artham::messages

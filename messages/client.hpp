#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "market/error.hpp"

/// Where a socket meets a session actor. The web server implements `client`, the session side
/// `session` and `gateway`; neither knows the other's library.
namespace artham::messages {

/// One encoded message, shared by every session that gets it.
using frame_ptr = std::shared_ptr<const std::string>;

/// The socket's side. All calls are thread-safe and return at once.
class client {
 public:
  virtual ~client() = default;
  /// Queues one text message. False: the session's byte budget is used up, nothing was queued, and
  /// session::on_drained will be called once when half of it is free again.
  virtual bool send(frame_ptr frame) = 0;
  /// The last command has been handled; the next may be read. Until then the socket is not read.
  virtual void next_command() = 0;
  /// Sends what is queued, then closes with this code.
  virtual void close(std::uint16_t code, std::string reason) = 0;
  [[nodiscard]] virtual std::string address() const = 0;
};

/// The actor's side of one connection; called from the web server's threads.
class session {
 public:
  virtual ~session() = default;
  virtual void on_command(std::string text) = 0;
  virtual void on_drained() = 0;
  virtual void on_closed() = 0;
};

class gateway {
 public:
  virtual ~gateway() = default;
  /// Makes a session for a new connection; `done` is called once, from any thread. Refused when the
  /// gateway is full or stopping.
  virtual void open(std::shared_ptr<client> c,
                    std::function<void(result<std::shared_ptr<session>>)> done) = 0;
};

}  // namespace artham::messages

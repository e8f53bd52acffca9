#pragma once

#include <cstddef>
#include <memory>

#include "exchange/message.hpp"

namespace artham::exchange {

/// One connected ticker client, as the ticker sees it.
class client {
 public:
  virtual ~client() = default;
  /// Queues a message; ignored once dropped.
  virtual void send(message_ptr m) = 0;
  /// Bytes queued and not yet taken by the socket.
  [[nodiscard]] virtual std::size_t queued() const = 0;
  /// False once dropped.
  [[nodiscard]] virtual bool is_open() const = 0;
  /// Ends the connection without a word. The client leaves the ticker later, never from within this
  /// call.
  virtual void drop() = 0;
};
using client_ptr = std::shared_ptr<client>;

}  // namespace artham::exchange

#pragma once

#include <memory>
#include <string>
#include <utility>

namespace artham::exchange {

/// One WebSocket message to a client; made once, shared by all who get it.
struct message {
  std::string bytes;
  bool text = false;
};
using message_ptr = std::shared_ptr<const message>;

[[nodiscard]] inline message_ptr binary_message(std::string bytes) {
  return std::make_shared<const message>(message{std::move(bytes), false});
}
[[nodiscard]] inline message_ptr text_message(std::string bytes) {
  return std::make_shared<const message>(message{std::move(bytes), true});
}

}  // namespace artham::exchange

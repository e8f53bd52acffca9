#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "market/error.hpp"
#include "web/hook/webhook_address.hpp"

namespace artham::web {

struct webhook_client_options {
  std::chrono::milliseconds timeout{10'000};  ///< from the connecting to the answer's head
  bool allow_private = false;                 ///< addresses that are not public, too
  std::string authority;                      ///< PEM; empty: the system's
};

/// POSTs, each on a connection of its own, any number at a time, on a thread of its own. The answer
/// is its status; redirects are not followed. A name is asked for once, and what it means is
/// looked at before it is connected to. Thread-safe.
class webhook_client {
 public:
  struct post {
    webhook_address to;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
  };
  /// A status, or why there is none.
  using done = std::function<void(result<unsigned>)>;

  /// errc::usage or io: the authorities cannot be read.
  [[nodiscard]] static result<std::unique_ptr<webhook_client>> make(
      const webhook_client_options& o);
  ~webhook_client();
  webhook_client(const webhook_client&) = delete;
  webhook_client& operator=(const webhook_client&) = delete;

  /// `fn` is called once, from the client's thread; not after `stop`.
  void send(post what, done fn);
  /// Breaks off what is under way, and ends the thread.
  void stop();

 private:
  struct impl;
  explicit webhook_client(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

}  // namespace artham::web

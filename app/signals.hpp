#pragma once

#include <functional>

#include "market/error.hpp"

namespace artham::app {

/// Catches SIGINT and SIGTERM for the whole program, even when it was started with them ignored,
/// and ignores SIGPIPE. Made before any thread, so that all threads leave the signals to `wait`.
class signals {
 public:
  signals();
  ~signals();
  signals(const signals&) = delete;
  signals& operator=(const signals&) = delete;

  /// Waits for a signal (its number) or for `wake` (0).
  [[nodiscard]] int wait();
  /// True once a signal came, without waiting; it stays pending for `wait`.
  [[nodiscard]] bool pending() const;
  /// From any thread.
  void wake();

 private:
  int signal_fd_ = -1;
  int wake_fd_ = -1;
};

}  // namespace artham::app

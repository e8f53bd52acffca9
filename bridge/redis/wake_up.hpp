#pragma once

namespace artham::bridge::redis {

/// Wakes a thread that waits in poll for `fd` to be readable. Thread-safe.
class wake_up {
 public:
  wake_up();
  ~wake_up();
  wake_up(const wake_up&) = delete;
  wake_up& operator=(const wake_up&) = delete;

  void set();
  void clear();
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace artham::bridge::redis

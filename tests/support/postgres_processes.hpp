#pragma once

#include <sys/types.h>

#include <chrono>
#include <vector>

namespace artham::test {

/// A process that is not mistaken for another that got its number later.
class watched_process {
 public:
  explicit watched_process(pid_t pid);
  ~watched_process();
  watched_process(watched_process&& other) noexcept;
  watched_process& operator=(watched_process&&) = delete;

  void signal(int s) const;
  /// Whether it has ended, by then.
  [[nodiscard]] bool ended_within(std::chrono::milliseconds limit) const;

 private:
  int fd_ = -1;
};

/// The children of a process, as they are now.
[[nodiscard]] std::vector<pid_t> children_of(pid_t parent);

/// SIGSTOP, and waits until each thread of a child of ours stands still: it starts no more
/// children.
void hold_still(pid_t child);

/// Sends `signal` to a child of ours when this program ends, however it does, and forgets the child
/// with the object.
class end_with_us {
 public:
  end_with_us(pid_t child, int signal);
  ~end_with_us();
  end_with_us(const end_with_us&) = delete;
  end_with_us& operator=(const end_with_us&) = delete;

 private:
  pid_t watcher_ = -1;
  int pipe_ = -1;
};

}  // namespace artham::test

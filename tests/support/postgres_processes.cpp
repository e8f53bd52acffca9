#include "tests/support/postgres_processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

// glibc 2.36 declares these for C only.
extern "C" {
#include <sys/pidfd.h>
}

namespace artham::test {

watched_process::watched_process(pid_t pid) : fd_(pidfd_open(pid, 0)) {}
watched_process::~watched_process() {
  if (fd_ >= 0) close(fd_);
}
watched_process::watched_process(watched_process&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

void watched_process::signal(int s) const {
  if (fd_ >= 0) pidfd_send_signal(fd_, s, nullptr, 0);
}

bool watched_process::ended_within(std::chrono::milliseconds limit) const {
  // One that had ended before it was opened has no descriptor.
  if (fd_ < 0) return true;
  pollfd p{fd_, POLLIN, 0};
  return poll(&p, 1, static_cast<int>(limit.count())) == 1;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  const auto tasks = "/proc/" + std::to_string(parent) + "/task";
  std::error_code ec;
  for (const auto& task : std::filesystem::directory_iterator(tasks, ec)) {
    std::ifstream children(task.path() / "children");
    for (pid_t pid = 0; children >> pid;) found.push_back(pid);
  }
  return found;
}

void hold_still(pid_t child) {
  if (::kill(child, SIGSTOP) != 0) return;
  siginfo_t info{};
  // WNOWAIT: if it ended instead, whoever waits for it still learns that.
  waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WEXITED | WNOWAIT);
}

end_with_us::end_with_us(pid_t child, int signal) {
  const int target = pidfd_open(child, 0);
  int ends[2];
  if (target < 0 || pipe2(ends, O_CLOEXEC) != 0) std::abort();
  watcher_ = fork();
  if (watcher_ == 0) {
    // Keeps nothing of ours open but these two. A Ctrl-C is ours to handle.
    dup2(ends[0], 0);
    dup2(target, 1);
    close_range(2, ~0U, 0);
    setsid();
    char byte = 0;
    // A byte comes when we are no longer needed, the end when all who could write it are gone.
    if (read(0, &byte, 1) == 0) pidfd_send_signal(1, signal, nullptr, 0);
    _exit(0);
  }
  close(ends[0]);
  close(target);
  pipe_ = ends[1];
}

end_with_us::~end_with_us() {
  const char byte = 0;
  const bool told = write(pipe_, &byte, 1) == 1;
  close(pipe_);
  if (told) waitpid(watcher_, nullptr, 0);
}

}  // namespace artham::test

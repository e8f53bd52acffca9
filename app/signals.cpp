#include "app/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <initializer_list>

namespace artham::app {

signals::signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM}) {
    // A signal that is ignored is thrown away even while it is blocked.
    std::signal(s, SIG_DFL);
    sigaddset(&set, s);
  }
  std::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow is a disk without room, not the end.
  std::signal(SIGXFSZ, SIG_IGN);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_CLOEXEC);
}

signals::~signals() {
  close(signal_fd_);
  close(wake_fd_);
}

int signals::wait() {
  pollfd fds[] = {{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
  while (poll(fds, 2, -1) < 0) {
  }
  if ((fds[0].revents & POLLIN) != 0) {
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof info) == sizeof info)
      return static_cast<int>(info.ssi_signo);
  }
  return 0;
}

bool signals::pending() const {
  pollfd fd{signal_fd_, POLLIN, 0};
  return poll(&fd, 1, 0) > 0;
}

void signals::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);
}

}  // namespace artham::app

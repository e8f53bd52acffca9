#include "bridge/redis/wake_up.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace artham::bridge::redis {

wake_up::wake_up() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) std::abort();  // no descriptors are left: nothing can be opened either
}
wake_up::~wake_up() {
  close(fd_);
}
void wake_up::set() {
  const std::uint64_t one = 1;
  // It fails only when it is set already, some 2^64 times.
  static_cast<void>(!write(fd_, &one, sizeof one));
}
void wake_up::clear() {
  std::uint64_t count = 0;
  static_cast<void>(!read(fd_, &count, sizeof count));
}

}  // namespace artham::bridge::redis

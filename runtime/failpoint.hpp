#pragma once

/// Named places at which a test ends the process as kill -9 does, to see that the next start makes
/// it good. Which build of the two functions below a program gets is decided when it is linked: the
/// library's own never end anything; `artham_failpoints` is linked with runtime/failpoint.cpp and
/// obeys `ARTHAM_FAILPOINT=name:n`, the n-th passing of `name`. `name:n:hold` holds the process
/// there instead, as SIGSTOP does, until it is sent SIGCONT. For places that are passed per block,
/// message or commit, not per tick.
namespace artham::runtime {

/// True at the passing that is to end the process.
[[nodiscard]] bool failpoint_due(const char* name) noexcept;
/// SIGKILL to this process.
[[noreturn]] void failpoint_end() noexcept;

inline void failpoint(const char* name) {
  if (failpoint_due(name)) failpoint_end();
}

/// Does `last` first, such as half of what comes next.
template <class Last>
void failpoint(const char* name, Last&& last) {
  if (!failpoint_due(name)) return;
  last();
  failpoint_end();
}

}  // namespace artham::runtime

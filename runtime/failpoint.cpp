#include "runtime/failpoint.hpp"

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace artham::runtime {
namespace {

struct wanted {
  std::string name;
  std::atomic<std::uint64_t> left{0};
  bool hold = false;

  wanted() {
    const char* const given = std::getenv("ARTHAM_FAILPOINT");
    if (given == nullptr) return;
    const std::string text = given;
    const auto colon = text.find(':');
    std::uint64_t n = 0;
    std::string_view how;
    if (colon != std::string::npos) {
      const auto* const end = text.data() + text.size();
      const auto* const rest = std::from_chars(text.data() + colon + 1, end, n).ptr;
      how = {rest, static_cast<std::size_t>(end - rest)};
    }
    hold = how == ":hold";
    if (n == 0 || (!how.empty() && !hold)) {
      std::fprintf(
          stderr, "ARTHAM_FAILPOINT=%s: expected name:n with n from 1 on, or name:n:hold\n", given);
      std::_Exit(2);
    }
    name = text.substr(0, colon);
    left = n;
  }
};

}  // namespace

bool failpoint_due(const char* name) noexcept {
  static wanted w;
  const bool due = !w.name.empty() && w.name == name && w.left.fetch_sub(1) == 1;
  if (!due || !w.hold) return due;
  // To this thread, which then gets no further.
  std::raise(SIGSTOP);
  return false;
}

void failpoint_end() noexcept {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

}  // namespace artham::runtime

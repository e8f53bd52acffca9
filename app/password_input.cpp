#include "app/password_input.hpp"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

namespace artham::app {

namespace {

constexpr std::size_t longest_line = 1024;

/// Does not show what is typed while it lives.
class silent_terminal {
 public:
  silent_terminal() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~silent_terminal() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  silent_terminal(const silent_terminal&) = delete;
  silent_terminal& operator=(const silent_terminal&) = delete;
  [[nodiscard]] bool silent() const { return changed_; }

 private:
  termios before_{};
  bool changed_ = false;
};

std::optional<runtime::secret> read_line() {
  std::string line;
  line.reserve(longest_line);  // so that it leaves no copies behind
  char c = 0;
  while (line.size() < longest_line) {
    const auto n = read(STDIN_FILENO, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 && line.empty()) return std::nullopt;
    if (n <= 0 || c == '\n') break;
    line.push_back(c);
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return runtime::secret(std::move(line));
}

std::optional<runtime::secret> ask(const std::string& what) {
  std::fprintf(stderr, "%s: ", what.c_str());
  auto line = read_line();
  std::fprintf(stderr, "\n");
  return line;
}

}  // namespace

result<runtime::secret> read_new_password(const std::string& who) {
  const auto none = fail(errc::bad_input,
                         "no password was given; it is the first line of "
                         "standard input");
  if (isatty(STDIN_FILENO) == 0) {
    auto line = read_line();
    if (!line || line->empty()) return none;
    return std::move(*line);
  }
  const silent_terminal terminal;
  if (!terminal.silent())
    return fail(errc::io, "the terminal would show the password; give it by standard input");
  auto first = ask("Password of " + who);
  const auto second = first ? ask("Again") : std::nullopt;
  if (!first || !second) return none;
  if (*first != *second) return fail(errc::bad_input, "the two passwords differ; nothing was done");
  return std::move(*first);
}

}  // namespace artham::app

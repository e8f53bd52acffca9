#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace artham::test {

/// A directory that is gone with the object.
class scratch {
 public:
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "artham-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~scratch() {
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// A program that was started; killed with the object. stderr goes to a file, stdout to `line` and
/// `rest`.
class process {
 public:
  explicit process(std::vector<std::string> args, bool signals_ignored = false) {
    char name[] = "/tmp/artham-stderr-XXXXXX";
    const int err = mkstemp(name);
    stderr_file_ = name;
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      dup2(err, STDERR_FILENO);
      if (signals_ignored) {
        std::signal(SIGINT, SIG_IGN);
        std::signal(SIGTERM, SIG_IGN);
      }
      std::vector<char*> argv;
      for (auto& a : args) argv.push_back(a.data());
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(out[1]);
    close(err);
    out_ = out[0];
  }
  ~process() {
    if (!status_) {
      ::kill(pid_, SIGKILL);
      static_cast<void>(wait());
    }
    close(out_);
    std::filesystem::remove(stderr_file_);
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  /// The next line of stdout; nothing at its end or after `limit`.
  std::optional<std::string> line(std::chrono::seconds limit = std::chrono::seconds(60)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
      if (const auto end = buffer_.find('\n'); end != std::string::npos) {
        auto text = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return text;
      }
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd fd{out_, POLLIN, 0};
      if (left.count() <= 0 || poll(&fd, 1, static_cast<int>(left.count())) <= 0)
        return std::nullopt;
      char chunk[4096];
      const auto n = read(out_, chunk, sizeof chunk);
      if (n <= 0) return std::nullopt;
      buffer_.append(chunk, static_cast<std::size_t>(n));
    }
  }
  /// All of stdout until the program ends.
  std::string rest() {
    std::string all;
    while (auto l = line(std::chrono::seconds(300))) all += *l + "\n";
    return all;
  }
  void signal(int s) const { ::kill(pid_, s); }
  /// The exit status, or 128 + the signal that ended it.
  int wait() {
    if (!status_) {
      int s = 0;
      waitpid(pid_, &s, 0);
      status_ = WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s);
    }
    return *status_;
  }
  /// The same, or nothing if it still runs after `limit`.
  std::optional<int> wait_for(std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!status_) {
      int s = 0;
      if (waitpid(pid_, &s, WNOHANG) == pid_) {
        status_ = WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s);
      } else if (std::chrono::steady_clock::now() > deadline) {
        return std::nullopt;
      } else {
        usleep(5'000);
      }
    }
    return status_;
  }
  [[nodiscard]] std::string errors() const { return read_file(stderr_file_); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  std::string buffer_;
  std::string stderr_file_;
  std::optional<int> status_;
};

/// A program that has ended.
struct finished {
  int code = 0;
  std::string out;
  std::string err;
};
inline finished run_to_end(std::vector<std::string> args) {
  process p(std::move(args));
  finished f;
  f.out = p.rest();
  f.code = p.wait();
  f.err = p.errors();
  return f;
}

}  // namespace artham::test

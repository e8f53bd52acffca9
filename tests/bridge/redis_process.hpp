#pragma once

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "bridge/redis/connection.hpp"
#include "tests/bridge/support.hpp"

namespace artham::test {

/// A real Redis on a unix socket, with its append-only file in a directory of its own. Gone with
/// the object, and with the test program however that ends.
class redis_process {
 public:
  redis_process() { start(); }
  ~redis_process() { kill(); }
  redis_process(const redis_process&) = delete;
  redis_process& operator=(const redis_process&) = delete;

  [[nodiscard]] bridge::redis::endpoint server() const {
    bridge::redis::endpoint e;
    e.socket = dir_.path() / "redis.sock";
    return e;
  }

  /// With what its files hold.
  void start() {
    std::filesystem::remove(server().socket);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const auto socket = server().socket.string();
      const auto log = (dir_.path() / "log").string();
      ::execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket.c_str(),
               "--dir", dir_.path().c_str(), "--save", "", "--appendonly", "yes", "--appendfsync",
               "always", "--logfile", log.c_str(), "--enable-debug-command", "yes", nullptr);
      ::_exit(127);
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      auto c = bridge::redis::connection::open(server(), "test");
      if (c && (*c)->command({"PING"})) break;
      if (std::chrono::steady_clock::now() > until)
        throw std::runtime_error("redis-server does not answer");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  /// kill -9.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  /// One command; its answer as text or number.
  std::string say(std::initializer_list<std::string_view> args) const {
    auto c = bridge::redis::connection::open(server(), "test");
    if (!c) throw std::runtime_error(c.error().message);
    auto r = (*c)->command(args);
    if (!r) throw std::runtime_error(r.error().message);
    if (const auto n = r->integer()) return std::to_string(*n);
    return std::string(r->text());
  }

  [[nodiscard]] std::filesystem::path files() const { return dir_.path() / "appendonlydir"; }

 private:
  scratch dir_;
  pid_t pid_ = 0;
};

}  // namespace artham::test

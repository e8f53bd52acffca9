#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace artham::test {

/// A redis-server that the test started: a real one, with its data in a directory of its own, on a
/// free port of 127.0.0.1 and a unix socket. It writes what it takes to its append-only file at
/// once (the kernel has it; it is not synced). It is gone with the object, and with the test
/// program however that ends. What fails throws, with the server's own words.
class redis_server {
 public:
  struct options {
    /// Of the default user; empty: whoever comes is let in.
    std::string password = {};
    /// More lines of its configuration.
    std::string config = {};
    /// What stands before the program and its arguments, such as `private_network::through`.
    std::vector<std::string> through = {};
  };
  redis_server() : redis_server(options{}) {}
  explicit redis_server(const options& o);
  ~redis_server();
  redis_server(redis_server&&) noexcept;
  redis_server& operator=(redis_server&&) noexcept;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] const std::filesystem::path& socket() const;
  [[nodiscard]] const std::filesystem::path& data_dir() const;
  /// 0 when it does not run.
  [[nodiscard]] pid_t pid() const;

  /// SHUTDOWN, by SIGTERM; waits.
  void stop();
  /// kill -9; waits.
  void kill();
  /// Again, with the same port and data, after `stop` or `kill`.
  void start();
  /// It stands still; connections are taken by the kernel and never answered.
  void freeze();
  void thaw();

  /// CONFIG SET.
  void set(const std::string& name, const std::string& value) const;
  /// What redis-cli prints for one command, without the last newline; as the default user. An error
  /// answer throws.
  std::string cli(const std::vector<std::string>& command) const;
  /// Cuts so many bytes from the end of its append-only file; it must not run.
  void cut_append_only_file(std::uintmax_t bytes) const;
  /// What the server logged, since it was first started.
  [[nodiscard]] std::string log() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace artham::test

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace artham::test {

/// A PostgreSQL server that the test started: a real one, with its data in a directory of its own,
/// on a free port of 127.0.0.1. It is gone with the object, and with the test program however that
/// ends. Superuser "artham", database "artham". What fails throws, with the server's own words.
///
/// PostgreSQL refuses to run as root: a root's test runs it as user postgres, or nobody.
/// One object is used by one thread at a time; it may start in one and stop in another.
class postgres_server {
 public:
  struct options {
    /// fsync stays on: what is committed is on the disk, at the disk's pace. Without it `kill`
    /// loses nothing either, as the kernel lives on.
    bool durable = false;
    /// Clients must say `password()` (SCRAM); else whoever comes is trusted.
    bool scram = false;
    /// The data lies in a directory made in this one, such as a small disk; else in a scratch one.
    std::filesystem::path under = {};
    /// Memory, WAL and fsync as a server that works has them, for benchmarks; else small and quick
    /// to start.
    bool roomy = false;
  };
  /// TimescaleDB cannot be had here; what() says why, and the way out.
  struct not_here : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  /// How a server stops: sessions are ended; all is dropped at once, and start() recovers; when the
  /// last session has ended by itself.
  enum class how { fast, immediate, smart };

  /// PostgreSQL 15 of Debian 12.
  [[nodiscard]] static postgres_server plain(const options& o);
  [[nodiscard]] static postgres_server plain() { return plain(options{}); }
  /// PostgreSQL 17 with TimescaleDB, of the folder that script/timescaledb made; `not_here` is
  /// thrown without it. CREATE EXTENSION is left to who uses it.
  [[nodiscard]] static postgres_server timescale(const options& o);
  [[nodiscard]] static postgres_server timescale() { return timescale(options{}); }

  ~postgres_server();
  postgres_server(postgres_server&&) noexcept;
  postgres_server& operator=(postgres_server&&) noexcept;

  /// postgresql://artham@127.0.0.1:PORT/DB; without the password.
  [[nodiscard]] std::string url(const std::string& db = "artham") const;
  [[nodiscard]] std::string url_with_password(const std::string& db = "artham") const;
  [[nodiscard]] static std::string password();
  [[nodiscard]] std::uint16_t port() const;
  /// Of the unix socket.
  [[nodiscard]] const std::filesystem::path& socket_dir() const;
  [[nodiscard]] const std::filesystem::path& data_dir() const;
  /// Of the server's first process; 0 when it does not run.
  [[nodiscard]] pid_t pid() const;

  /// Answers its url.
  std::string create_database(const std::string& name);
  /// What psql -AtX prints for this, in one session and, if it is several statements, one
  /// transaction.
  std::string sql(const std::string& query, const std::string& db = "artham") const;

  /// Nothing if it is stopped; waits until all its processes are gone.
  void stop(how mode = how::fast);
  /// kill -9 of its first process; waits until the others have seen that and are gone.
  void kill();
  /// Again, with the same port and data, after `stop` or `kill`.
  void start();

  /// All its processes stand still; connections are taken by the kernel and never answered.
  void freeze();
  void thaw();

  /// Ends the sessions with this application_name; answers how many there were.
  int terminate_backends(const std::string& application_name) const;
  /// ALTER SYSTEM SET and reload: holds for sessions from now on, and for those that are when they
  /// are idle. What only a restart changes is changed by `stop` and `start`.
  void set(const std::string& name, const std::string& value);

  /// What the server logged, since it was first started.
  [[nodiscard]] std::string log() const;

 private:
  struct state;
  explicit postgres_server(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

/// A TimescaleDB server; nothing where it cannot be had, after telling "not run: WHY" on stdout.
/// With ARTHAM_REQUIRE_TIMESCALEDB=1, as in CI, that throws instead, and the test fails.
[[nodiscard]] std::optional<postgres_server> timescale_or_say_why(
    const postgres_server::options& o);
[[nodiscard]] std::optional<postgres_server> timescale_or_say_why();

}  // namespace artham::test

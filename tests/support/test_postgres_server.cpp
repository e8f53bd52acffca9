#include "tests/support/postgres_server.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/postgres_processes.hpp"
#include "tests/support/process.hpp"
#include "tests/support/small_disk.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

/// A psql that stays until it is killed, or its session ends.
std::vector<std::string> session(const postgres_server& server, const std::string& name) {
  return {"/usr/lib/postgresql/15/bin/psql",
          "-AtXq",
          "-d",
          server.url() + "?application_name=" + name,
          "-c",
          "SELECT 'here'",
          "-c",
          "SELECT pg_sleep(600)"};
}

void keeps_what_was_committed(postgres_server& server) {
  server.sql("CREATE TABLE kept(v int); INSERT INTO kept VALUES (1)");
  const auto first = server.pid();
  process client(session(server, "victim"));
  REQUIRE(client.line() == "here");
  server.kill();
  CHECK(server.pid() == 0);
  CHECK(client.wait_for(30s));
  CHECK(children_of(first).empty());
  server.start();
  CHECK(server.pid() != first);
  CHECK(server.sql("INSERT INTO kept VALUES (2); SELECT sum(v) FROM kept") == "3\n");
  CHECK(server.log().find("database system was not properly shut down") != std::string::npos);
}

}  // namespace

TEST_CASE("a server keeps what was committed through each way to stop") {
  auto server = postgres_server::plain();
  CHECK(server.sql("SHOW server_version").starts_with("15"));
  CHECK(server.sql("SHOW fsync") == "off\n");
  CHECK(server.sql("SELECT current_user || ' ' || current_database()") == "artham artham\n");
  CHECK(server.url() ==
        "postgresql://artham@127.0.0.1:" + std::to_string(server.port()) + "/artham");
  keeps_what_was_committed(server);
  const auto port = server.port();
  for (const auto mode :
       {postgres_server::how::fast, postgres_server::how::immediate, postgres_server::how::smart}) {
    server.stop(mode);
    CHECK_THROWS_AS(static_cast<void>(server.sql("SELECT 1")), std::logic_error);
    server.start();
    CHECK(server.port() == port);
    CHECK(server.sql("SELECT sum(v) FROM kept") == "3\n");
  }
  CHECK(server.create_database("second") ==
        "postgresql://artham@127.0.0.1:" + std::to_string(port) + "/second");
  CHECK(server.sql("SELECT current_database()", "second") == "second\n");
  CHECK_THROWS_WITH(static_cast<void>(server.sql("SELECT * FROM nowhere")),
                    doctest::Contains("relation \"nowhere\" does not exist"));
}

TEST_CASE("settings change, sessions are ended by name, a password is asked for") {
  postgres_server::options o;
  o.durable = true;
  o.scram = true;
  auto server = postgres_server::plain(o);
  CHECK(server.sql("SHOW fsync") == "on\n");
  server.set("work_mem", "5MB");
  CHECK(server.sql("SHOW work_mem") == "5MB\n");

  const auto psql = [](const std::string& url) {
    return run_to_end({"/usr/lib/postgresql/15/bin/psql", "-AtXqw", "-d", url, "-c", "SELECT 1"});
  };
  CHECK(psql(server.url()).err.find("no password supplied") != std::string::npos);
  CHECK(psql(server.url_with_password()).out == "1\n");

  auto args = session(server, "victim");
  args[3] = server.url_with_password() + "?application_name=victim";
  process client(args);
  REQUIRE(client.line() == "here");
  CHECK(server.terminate_backends("nobody") == 0);
  CHECK(server.terminate_backends("victim") == 1);
  CHECK(client.wait_for(30s));
}

TEST_CASE("a frozen server takes connections and answers nothing; it goes on where it was") {
  auto server = postgres_server::plain();
  process before(session(server, "before"));
  REQUIRE(before.line() == "here");
  server.freeze();
  process during(
      {"/usr/lib/postgresql/15/bin/psql", "-AtXq", "-d", server.url(), "-c", "SELECT 1"});
  CHECK_FALSE(during.line(1s));
  server.thaw();
  CHECK(during.line() == "1");
  CHECK(during.wait() == 0);
  CHECK(server.terminate_backends("before") == 1);
  // One that is frozen can be killed, stopped and left.
  server.freeze();
  server.kill();
  server.start();
  server.freeze();
  server.stop();
  server.start();
  server.freeze();
}

TEST_CASE("a server ends with the program that started it") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t program = fork();
  if (program == 0) {
    auto server = postgres_server::plain();
    const auto told = std::to_string(server.pid()) + " " + server.data_dir().string() + "\n";
    static_cast<void>(write(ends[1], told.data(), told.size()));
    // Nothing is tidied up.
    ::kill(getpid(), SIGSTOP);
  }
  close(ends[1]);
  std::string told;
  for (char c = 0; read(ends[0], &c, 1) == 1 && c != '\n';) told += c;
  close(ends[0]);
  const auto space = told.find(' ');
  REQUIRE(space != std::string::npos);
  const std::filesystem::path data = told.substr(space + 1);
  CHECK(std::filesystem::exists(data / "postmaster.pid"));
  {
    const watched_process server(std::stoi(told));
    ::kill(program, SIGKILL);
    waitpid(program, nullptr, 0);
    CHECK(server.ended_within(30s));
  }
  CHECK_FALSE(std::filesystem::exists(data / "postmaster.pid"));
  std::filesystem::remove_all(data.parent_path().parent_path());
}

TEST_CASE("TimescaleDB: a hypertable over time and eight parts of a key") {
  auto server = timescale_or_say_why();
  if (!server) return;
  CHECK(server->sql("SHOW server_version").starts_with("17"));
  keeps_what_was_committed(*server);
  server->sql("CREATE EXTENSION timescaledb");
  server->sql("CREATE TABLE ticks(ts timestamptz NOT NULL, token bigint NOT NULL)");
  server->sql("SELECT create_hypertable('ticks', 'ts')");
  server->sql("SELECT add_dimension('ticks', 'token', number_partitions => 8)");
  server->sql("INSERT INTO ticks SELECT '2026-11-20', i FROM generate_series(1, 100) i");
  server->kill();
  server->start();
  CHECK(server->sql("SELECT count(*) FROM ticks") == "100\n");
  CHECK(server->sql("SELECT count(*) FROM show_chunks('ticks')") == "8\n");
  CHECK(server->sql("SHOW timescaledb.telemetry_level") == "off\n");
  MESSAGE("SHOW timescaledb.license: " << server->sql("SHOW timescaledb.license"));
}

// The last one: small_disk changes what this process has mounted.
TEST_CASE("the data may lie on a small disk") {
  small_disk disk(128);
  postgres_server::options o;
  o.under = disk / "";
  auto server = postgres_server::plain(o);
  CHECK(server.data_dir().string().starts_with(disk / ""));
  server.sql("CREATE TABLE big(v text)");
  if (disk.mounted()) {
    CHECK_THROWS_WITH(static_cast<void>(server.sql(
                          "INSERT INTO big SELECT repeat('x', 1000) FROM generate_series(1, 1e6)")),
                      doctest::Contains("No space left on device"));
  }
  CHECK(server.sql("SELECT count(*) FROM big") == "0\n");
}

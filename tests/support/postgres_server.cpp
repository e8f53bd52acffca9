#include "tests/support/postgres_server.hpp"

#include <sys/shm.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>
#include <vector>

#include "tests/support/free_port.hpp"
#include "tests/support/places.hpp"
#include "tests/support/postgres_cluster.hpp"
#include "tests/support/postgres_processes.hpp"
#include "tests/support/process.hpp"

namespace artham::test {

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto patience = 60s;
const std::filesystem::path debian_12 = "/usr/lib/postgresql/15/bin";

/// PostgreSQL's quotes around a text.
std::string quoted(const std::string& text) {
  std::string all = "'";
  for (const char c : text) {
    all += c;
    if (c == '\'') all += c;
  }
  return all + "'";
}

}  // namespace

struct postgres_server::state {
  postgres_flavour flavour;
  scratch dir;  // the socket is here, and the data unless it is elsewhere
  std::filesystem::path data;
  std::uint16_t port = 0;
  std::string earlier_log;
  std::unique_ptr<test::process> process;
  std::optional<end_with_us> end;
  bool frozen = false;

  state(postgres_flavour f, const options& o) : flavour(std::move(f)) {
    if (o.roomy) flavour.wal_segment_mb = "16";
    give_to_server_user(dir.path());
    std::string place = (o.under.empty() ? dir.path() : o.under) / "postgres-XXXXXX";
    if (mkdtemp(place.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), "cannot make " + place);
    data = std::filesystem::path(place) / "data";
    give_to_server_user(place);
    make_cluster(flavour, data, password());
    std::ofstream(data / "pg_hba.conf") << "local all all trust\nhost all all 127.0.0.1/32 "
                                        << (o.scram ? "scram-sha-256" : "trust") << '\n';
    std::ofstream(data / "postgresql.conf", std::ios::app)
        << "listen_addresses = '127.0.0.1'\nunix_socket_directories = " << quoted(dir.path())
        << "\nfsync = "
        << (o.durable || o.roomy ? "on" : "off")
        // All its memory on disk is in its directory, so that nothing outlives it.
        << "\ndynamic_shared_memory_type = mmap\n"
        << (o.roomy ? "shared_buffers = 1GB\nmin_wal_size = 2GB\nmax_wal_size = 8GB\n"
                      "checkpoint_timeout = 30min\n"
                    : "shared_buffers = 16MB\nmin_wal_size = 4MB\nmax_wal_size = 256MB\n")
        << "jit = off\nssl = off\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n"
           "log_line_prefix = '%m [%p] %a: '\n"
        << flavour.settings;
  }
  ~state() {
    try {
      if (process) end_of(SIGQUIT, 10s);
    } catch (const std::exception&) {
      kill();
    }
    // After a kill its key of shared memory is left, which the next start would have taken over.
    std::istringstream line(status_line(7));
    int key = 0;
    int id = 0;
    if (line >> key >> id) shmctl(id, IPC_RMID, nullptr);
    std::error_code ec;
    std::filesystem::remove_all(data.parent_path(), ec);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  /// Of postmaster.pid, from 1.
  [[nodiscard]] std::string status_line(int number) const {
    std::ifstream file(data / "postmaster.pid");
    std::string text;
    for (int i = 0; i < number; ++i) {
      if (!std::getline(file, text)) return {};
    }
    return text;
  }
  [[nodiscard]] bool ready() const {
    return status_line(1) == std::to_string(process->pid()) && status_line(8).starts_with("ready");
  }
  /// Until it takes connections; false if it has ended.
  bool launch() {
    process = std::make_unique<test::process>(
        as_server_user(data, {flavour.bin / "postgres", "-D", data, "-p", std::to_string(port)}));
    end.emplace(process->pid(), SIGQUIT);
    const auto deadline = steady_clock::now() + patience;
    while (!ready()) {
      if (process->wait_for(0s)) {
        ended();
        return false;
      }
      if (steady_clock::now() > deadline) fail("does not take connections after a minute");
      usleep(5'000);
    }
    return true;
  }
  void first_start() {
    for (int tries = 0; tries < 5; ++tries) {
      port = free_port();
      if (launch()) return;
      if (earlier_log.find("Address already in use") == std::string::npos) break;
    }
    fail("did not start");
  }
  void ended() {
    end.reset();
    earlier_log += process->errors();
    process.reset();
    frozen = false;
  }
  void end_of(int signal, std::chrono::seconds limit) {
    thaw();
    process->signal(signal);
    if (!process->wait_for(limit)) fail("has not stopped, of signal " + std::to_string(signal));
    ended();
  }
  void kill() {
    if (!process) return;
    hold_still(process->pid());
    std::vector<watched_process> children;
    for (const pid_t child : children_of(process->pid())) children.emplace_back(child);
    process->signal(SIGKILL);
    process->wait();
    for (const auto& child : children) {
      if (frozen) child.signal(SIGCONT);
    }
    for (const auto& child : children) {
      if (child.ended_within(10s)) continue;
      child.signal(SIGKILL);
      static_cast<void>(child.ended_within(10s));
    }
    ended();
  }
  void freeze() {
    if (frozen) return;
    hold_still(process->pid());
    for (const pid_t child : children_of(process->pid())) ::kill(child, SIGSTOP);
    frozen = true;
  }
  void thaw() {
    if (!std::exchange(frozen, false)) return;
    for (const pid_t child : children_of(process->pid())) ::kill(child, SIGCONT);
    process->signal(SIGCONT);
  }
  [[nodiscard]] std::string log() const {
    return process ? earlier_log + process->errors() : earlier_log;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("PostgreSQL in " + data.string() + " " + what + "; its log:\n" +
                             log());
  }
};

postgres_server::postgres_server(std::unique_ptr<state> s) : state_(std::move(s)) {
  state_->first_start();
  create_database("artham");
}
postgres_server::~postgres_server() = default;
postgres_server::postgres_server(postgres_server&&) noexcept = default;
postgres_server& postgres_server::operator=(postgres_server&&) noexcept = default;

postgres_server postgres_server::plain(const options& o) {
  if (!std::filesystem::exists(debian_12 / "postgres")) {
    throw std::runtime_error("no PostgreSQL in " + debian_12.string() +
                             "; script/bootstrap installs it");
  }
  return postgres_server(std::make_unique<state>(postgres_flavour{debian_12, ""}, o));
}

postgres_server postgres_server::timescale(const options& o) {
  const auto found = run_to_end({source_dir() + "/script/timescaledb", "--no-fetch"});
  if (found.code != 0) throw not_here(found.err.substr(0, found.err.find('\n')));
  const std::filesystem::path top = found.out.substr(0, found.out.find('\n'));
  return postgres_server(std::make_unique<state>(
      postgres_flavour{top / "usr/lib/postgresql/17/bin",
                       "shared_preload_libraries = 'timescaledb'\n"
                       "timescaledb.telemetry_level = off\nmax_worker_processes = 24\n"},
      o));
}

std::string postgres_server::url(const std::string& db) const {
  return "postgresql://artham@127.0.0.1:" + std::to_string(state_->port) + "/" + db;
}
std::string postgres_server::url_with_password(const std::string& db) const {
  return "postgresql://artham:" + password() + "@127.0.0.1:" + std::to_string(state_->port) + "/" +
         db;
}
std::string postgres_server::password() {
  return "known-to-tests";
}
std::uint16_t postgres_server::port() const {
  return state_->port;
}
const std::filesystem::path& postgres_server::socket_dir() const {
  return state_->dir.path();
}
const std::filesystem::path& postgres_server::data_dir() const {
  return state_->data;
}
pid_t postgres_server::pid() const {
  return state_->process ? state_->process->pid() : 0;
}

std::string postgres_server::create_database(const std::string& name) {
  sql("CREATE DATABASE \"" + name + "\"", "postgres");
  return url(name);
}

std::string postgres_server::sql(const std::string& query, const std::string& db) const {
  if (!state_->process || state_->frozen)
    throw std::logic_error("a PostgreSQL that is " +
                           std::string(state_->frozen ? "frozen" : "stopped") + " is asked");
  return run_or_throw({debian_12 / "psql", "-AtXq", "-v", "ON_ERROR_STOP=1", "-d",
                       url_with_password(db), "-c", query})
      .out;
}

void postgres_server::stop(how mode) {
  if (!state_->process) return;
  const int signal = mode == how::fast ? SIGINT : mode == how::smart ? SIGTERM : SIGQUIT;
  state_->end_of(signal, patience);
}
void postgres_server::kill() {
  state_->kill();
}
void postgres_server::start() {
  if (!state_->process && !state_->launch()) state_->fail("did not start again");
}
void postgres_server::freeze() {
  if (state_->process) state_->freeze();
}
void postgres_server::thaw() {
  if (state_->process) state_->thaw();
}

int postgres_server::terminate_backends(const std::string& application_name) const {
  return std::stoi(
      sql("SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 30000)) FROM pg_stat_activity "
          "WHERE pid <> pg_backend_pid() AND application_name = " +
              quoted(application_name),
          "postgres"));
}

void postgres_server::set(const std::string& name, const std::string& value) {
  const std::string loaded = "SELECT pg_conf_load_time()";
  const auto before = sql(loaded, "postgres");
  sql("ALTER SYSTEM SET " + name + " = " + quoted(value), "postgres");
  sql("SELECT pg_reload_conf()", "postgres");
  const auto deadline = steady_clock::now() + patience;
  while (sql(loaded, "postgres") == before) {
    if (steady_clock::now() > deadline) state_->fail("did not load its settings again");
  }
}

std::string postgres_server::log() const {
  return state_->log();
}

std::optional<postgres_server> timescale_or_say_why(const postgres_server::options& o) {
  try {
    return postgres_server::timescale(o);
  } catch (const postgres_server::not_here& e) {
    const char* required = std::getenv("ARTHAM_REQUIRE_TIMESCALEDB");
    if (required != nullptr && std::string(required) == "1") throw;
    std::cout << "not run: " << e.what() << std::endl;
    return std::nullopt;
  }
}
std::optional<postgres_server> timescale_or_say_why() {
  return timescale_or_say_why({});
}

}  // namespace artham::test

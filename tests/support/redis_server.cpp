#include "tests/support/redis_server.hpp"

#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <utility>

#include "tests/support/free_port.hpp"
#include "tests/support/postgres_processes.hpp"
#include "tests/support/process.hpp"

namespace artham::test {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto patience = 60s;
constexpr auto program = "/usr/bin/redis-server";

}  // namespace

struct redis_server::state {
  scratch dir;
  std::filesystem::path socket;
  std::string password;
  std::vector<std::string> line;
  std::uint16_t port = 0;
  std::unique_ptr<test::process> process;
  std::optional<end_with_us> end;
  bool frozen = false;

  explicit state(const options& o)
      : socket(dir.path() / "redis.sock"), password(o.password), line(o.through) {
    line.insert(line.end(), {program, (dir.path() / "redis.conf").string(), "--port"});
    if (!std::filesystem::exists(program))
      throw std::runtime_error(std::string("no ") + program + "; script/bootstrap installs it");
    std::ofstream config(dir.path() / "redis.conf");
    config << "bind 127.0.0.1\nunixsocket " << socket.string() << "\ndir " << dir.path().string()
           << "\nappendonly yes\nappendfsync no\nsave \"\"\ndaemonize no\nlogfile redis.log\n"
              "auto-aof-rewrite-percentage 0\n";
    if (!password.empty()) config << "requirepass " << password << '\n';
    config << o.config << '\n';
  }
  ~state() {
    try {
      if (process) end_of(SIGKILL, 10s);
    } catch (const std::exception&) {
      process.reset();
    }
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  [[nodiscard]] finished ask(const std::vector<std::string>& command) const {
    std::vector<std::string> args{"/usr/bin/redis-cli", "-s", socket.string(), "-e",
                                  "--no-auth-warning"};
    if (!password.empty()) args.insert(args.end(), {"-a", password});
    args.insert(args.end(), command.begin(), command.end());
    return run_to_end(args);
  }
  /// Until it answers; false if it has ended.
  bool launch() {
    auto args = line;
    args.push_back(std::to_string(port));
    process = std::make_unique<test::process>(std::move(args));
    end.emplace(process->pid(), SIGKILL);
    const auto deadline = steady_clock::now() + patience;
    while (ask({"PING"}).out != "PONG\n") {
      if (process->wait_for(0s)) {
        ended();
        return false;
      }
      if (steady_clock::now() > deadline) fail("does not answer after a minute");
      usleep(5'000);
    }
    return true;
  }
  void first_start() {
    for (int tries = 0; tries < 5; ++tries) {
      port = free_port();
      if (launch()) return;
    }
    fail("did not start");
  }
  void ended() {
    end.reset();
    process.reset();
    frozen = false;
  }
  void end_of(int signal, std::chrono::seconds limit) {
    if (signal != SIGKILL) thaw();
    process->signal(signal);
    if (!process->wait_for(limit)) fail("has not stopped, of signal " + std::to_string(signal));
    ended();
  }
  void freeze() {
    if (std::exchange(frozen, true)) return;
    hold_still(process->pid());
  }
  void thaw() {
    if (std::exchange(frozen, false)) process->signal(SIGCONT);
  }
  [[nodiscard]] std::string log() const { return read_file(dir.path() / "redis.log"); }
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("Redis in " + dir.path().string() + " " + what + "; its log:\n" +
                             log());
  }
};

redis_server::redis_server(const options& o) : state_(std::make_unique<state>(o)) {
  state_->first_start();
}
redis_server::~redis_server() = default;
redis_server::redis_server(redis_server&&) noexcept = default;
redis_server& redis_server::operator=(redis_server&&) noexcept = default;

std::uint16_t redis_server::port() const {
  return state_->port;
}
const std::filesystem::path& redis_server::socket() const {
  return state_->socket;
}
const std::filesystem::path& redis_server::data_dir() const {
  return state_->dir.path();
}
pid_t redis_server::pid() const {
  return state_->process ? state_->process->pid() : 0;
}

void redis_server::stop() {
  if (state_->process) state_->end_of(SIGTERM, patience);
}
void redis_server::kill() {
  if (state_->process) state_->end_of(SIGKILL, patience);
}
void redis_server::start() {
  if (!state_->process && !state_->launch()) state_->fail("did not start again");
}
void redis_server::freeze() {
  if (state_->process) state_->freeze();
}
void redis_server::thaw() {
  if (state_->process) state_->thaw();
}

void redis_server::set(const std::string& name, const std::string& value) const {
  static_cast<void>(cli({"CONFIG", "SET", name, value}));
}

std::string redis_server::cli(const std::vector<std::string>& command) const {
  if (!state_->process || state_->frozen)
    throw std::logic_error("a Redis that is " + std::string(state_->frozen ? "frozen" : "stopped") +
                           " is asked");
  auto answer = state_->ask(command);
  if (answer.code != 0) throw std::runtime_error(command.front() + ": " + answer.out + answer.err);
  if (answer.out.ends_with('\n')) answer.out.pop_back();
  return answer.out;
}

void redis_server::cut_append_only_file(std::uintmax_t bytes) const {
  if (state_->process) throw std::logic_error("the file of a Redis that runs is cut");
  for (const auto& file : std::filesystem::directory_iterator(data_dir() / "appendonlydir")) {
    if (!file.path().string().ends_with(".incr.aof")) continue;
    const auto size = file.file_size();
    std::filesystem::resize_file(file.path(), size - std::min(size, bytes));
  }
}

std::string redis_server::log() const {
  return state_->log();
}

}  // namespace artham::test

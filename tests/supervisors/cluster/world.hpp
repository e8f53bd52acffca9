#pragma once

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/caf_compat.hpp"
#include "messages/network.hpp"
#include "runtime/metrics.hpp"
#include "supervisors/cluster/node.hpp"
#include "supervisors/supervisor.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/log_lines.hpp"

namespace artham::test {

using namespace std::chrono_literals;
namespace msg = artham::messages;
namespace sup = artham::supervisors;

/// A port of 127.0.0.1 that nobody listens at.
inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&a), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) == 0);
  ::close(fd);
  return ntohs(a.sin_port);
}

/// A connection to a port of 127.0.0.1.
class raw_connection {
 public:
  explicit raw_connection(std::uint16_t port)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
  }
  ~raw_connection() { ::close(fd_); }
  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;

  void send(const std::string& bytes) const {
    static_cast<void>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }

 private:
  int fd_;
};

inline std::string at(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

/// A node of its own actor system, and all that it was told.
class node {
 public:
  struct options {
    std::string name;
    std::vector<std::string> seeds = {};
    std::vector<std::string> roles = {"ingest", "bars", "features", "store", "gateway"};
    std::uint16_t port = 0;
    std::string cluster = "artham";
    std::uint32_t protocol = msg::cluster_protocol;
    std::uint32_t shards = 4;
    std::string life = {};
    msg::credentials credentials = {};
    sup::cluster_times times = {};
  };

  explicit node(options o)
      : name_(o.name),
        config_(configured(o)),
        system_(std::make_unique<caf::actor_system>(config_)) {
    options_.self.cluster = o.cluster;
    options_.self.node = o.name;
    options_.self.life = o.life;
    options_.self.version = "test";
    options_.self.protocol = o.protocol;
    options_.self.roles = o.roles;
    options_.self.address = "127.0.0.1";
    options_.self.port = o.port;
    options_.self.shards = o.shards;
    options_.seeds = o.seeds;
    options_.credentials = o.credentials;
    options_.control = control;
    options_.metrics = &metrics;
    options_.times = o.times;
    members_ = control->on_member([this](const msg::member_event& e) {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::string(msg::to_string(e.what)) + " " + e.who.node);
    });
    demand_ = control->on_demand([this](const std::vector<std::uint32_t>& d) {
      const std::lock_guard lock(mutex_);
      last_demand_ = d;
      ++demands_;
    });
    watch_ = control->on_watch([this](const std::vector<msg::watched>& w) {
      const std::lock_guard lock(mutex_);
      last_watch_ = w;
    });
    if (options_.self.life.empty()) options_.self.life = sup::make_life();
    restart();
  }
  ~node() { stop(); }
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// The end that a program comes to: goodbye, then no actor system.
  void stop() {
    if (!system_) return;
    if (actor_) CHECK(sup::stop_and_wait(*system_, caf::actor_cast<caf::actor>(actor_), 5s));
    actor_ = nullptr;
    system_.reset();
  }
  /// The actor ends without a goodbye.
  void crash() {
    caf::anon_send_exit(actor_, caf::exit_reason::kill);
    actor_ = nullptr;
  }

  /// The actor's next life, in the same process.
  void restart() {
    actor_ = sup::spawn_cluster_node(*system_, options_);
    REQUIRE(eventually([this] { return port() != 0; }, 10s));
  }
  /// Where it listens; 0: not yet.
  std::uint16_t port() {
    const auto list = control->members();
    if (!list) return 0;
    for (const auto& m : list->present) {
      if (m.node == name_) return m.port;
    }
    return 0;
  }
  std::string place() { return at(port()); }

  /// Names of those that are there, itself among them, joined by blanks.
  std::string present() {
    std::string out;
    const auto list = control->members();
    if (!list) return list.error().message;
    for (const auto& m : list->present) out += (out.empty() ? "" : " ") + m.node;
    return out;
  }
  bool sees(const std::string& names, std::chrono::milliseconds limit = 15s) {
    return eventually([&] { return present() == names; }, limit);
  }
  /// How often that was told.
  std::size_t told(const std::string& event) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count(events_.begin(), events_.end(), event));
  }
  bool is_told(const std::string& event, std::size_t times = 1,
               std::chrono::milliseconds limit = 15s) {
    return eventually([&] { return told(event) >= times; }, limit);
  }
  std::vector<std::uint32_t> demand() {
    const std::lock_guard lock(mutex_);
    return last_demand_;
  }
  std::size_t demands() {
    const std::lock_guard lock(mutex_);
    return demands_;
  }
  std::vector<msg::watched> watch() {
    const std::lock_guard lock(mutex_);
    return last_watch_;
  }
  bool gets_demand(const std::vector<std::uint32_t>& d, std::chrono::milliseconds limit = 15s) {
    return eventually([&] { return demand() == d; }, limit);
  }
  caf::actor_system& system() { return *system_; }
  msg::cluster_actor& actor() { return actor_; }
  std::int64_t metric(const std::string& name, const std::string& label = "") {
    for (const auto& s : metrics.samples()) {
      if (s.name == name && (label.empty() || s.labels.at(0).second == label)) return s.value;
    }
    return -1;
  }

  std::shared_ptr<sup::control> control = std::make_shared<sup::control>();
  runtime::metrics metrics;

 private:
  static caf::actor_system_config configured(const options& o) {
    auto config = msg::make_network_config({1, "127.0.0.1", o.credentials});
    REQUIRE_MESSAGE(config, config.error().message);
    return std::move(*config);
  }
  std::mutex mutex_;
  std::vector<std::string> events_;
  std::vector<std::uint32_t> last_demand_;
  std::size_t demands_ = 0;
  std::vector<msg::watched> last_watch_;
  std::string name_;
  sup::cluster_node_options options_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  msg::cluster_actor actor_;
  sup::subscription members_, demand_, watch_;
};

}  // namespace artham::test

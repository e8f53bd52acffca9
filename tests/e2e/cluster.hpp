#pragma once

#include <doctest/doctest.h>

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/in_postgres.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/redis_server.hpp"

namespace artham::test {

inline const std::vector<std::string> cluster_timeframes{"10s", "1m", "5m", "1D"};

/// A computer that a node runs on.
struct computer {
  std::string address = "127.0.0.1";
  std::vector<std::string> through = {};   ///< stands before the program and its arguments
  std::vector<std::string> settings = {};  ///< section.key=value
  /// Runs something where the computer's loopback is.
  std::function<void(const std::function<void()>&)> inside = [](const auto& fn) { fn(); };
};

/// Processes of one cluster, with a Redis and a PostgreSQL of its own. Nodes find each other by the
/// first one's port; Redis may be reached through another port than its own.
class cluster {
 public:
  explicit cluster(int shards = 2, const redis_server::options& o = {})
      : redis(o), shards_(shards) {}

  redis_server redis;
  postgres_server postgres = postgres_server::plain();

  /// Where nodes that are started from now on find Redis.
  void reach_redis_at(std::uint16_t port) { redis_port_ = port; }
  /// Nodes of this name run there.
  void place(const std::string& name, computer where) { nodes_[name].where = std::move(where); }
  [[nodiscard]] database db() const { return {&postgres, "artham", "packed"}; }
  [[nodiscard]] std::string data(const std::string& name) const { return dir_ / name; }

  /// Starts a node, or starts it again with the same ports and data.
  void start(const std::string& name, std::string roles, std::vector<std::string> more = {}) {
    auto& n = nodes_[name];
    if (n.web == 0) {
      n.web = free_port();
      n.control = free_port();
      if (seed_.empty()) seed_ = n.where.address + ":" + std::to_string(n.control);
    }
    n.roles = std::move(roles);
    n.more = more;
    auto all = n.where.through;
    all.insert(all.end(), {artham::test::program(), "run", "--data", data(name)});
    const auto set = [&](const std::string& what) {
      all.emplace_back("--set");
      all.push_back(what);
    };
    set("cluster.node=" + name);
    set("cluster.roles=" + n.roles);
    set("cluster.shards=" + std::to_string(shards_));
    set("cluster.port=" + std::to_string(n.control));
    set("cluster.address=" + n.where.address);
    set("cluster.seeds=" + seed_);
    set("web.port=" + std::to_string(n.web));
    set("bridge.redis.url=redis://127.0.0.1:" +
        std::to_string(redis_port_ != 0 ? redis_port_ : redis.port()));
    set("bars.timeframes=10s 1m 5m 1D");
    set("bars.checkpoint_interval=1m");
    set("exchange.chains=false");
    for (const auto& s : db().settings()) all.push_back(s);
    for (const auto& s : n.where.settings) set(s);
    for (auto& m : more) all.push_back(std::move(m));
    n.process = std::make_unique<test::process>(std::move(all));
    const auto line = n.process->line();
    REQUIRE_MESSAGE(line, n.process->errors());
  }
  void start_again(const std::string& name) {
    const auto& n = nodes_.at(name);
    start(name, n.roles, n.more);
  }
  [[nodiscard]] test::process& process(const std::string& name) { return *nodes_.at(name).process; }
  void kill(const std::string& name) { end(name, SIGKILL); }
  int stop(const std::string& name) { return end(name, SIGTERM); }
  int end(const std::string& name, int signal) {
    auto& n = nodes_.at(name);
    n.process->signal(signal);
    const auto code = n.process->wait();
    n.told += n.process->errors();
    n.process = nullptr;
    return code;
  }
  [[nodiscard]] bool runs(const std::string& name) const {
    const auto it = nodes_.find(name);
    return it != nodes_.end() && it->second.process;
  }

  [[nodiscard]] std::uint16_t web(const std::string& name) const { return nodes_.at(name).web; }
  /// Null while it does not answer.
  [[nodiscard]] nlohmann::json status(const std::string& name) const {
    return get(name, "/v1/status");
  }
  [[nodiscard]] nlohmann::json get(const std::string& name, const std::string& target) const {
    nlohmann::json answer;
    try {
      nodes_.at(name).where.inside([&] {
        answer = nlohmann::json::parse(http_get(web(name), target).body, nullptr, false);
      });
    } catch (const std::exception&) {
      return nullptr;
    }
    return answer;
  }
  template <class Fn>
  [[nodiscard]] bool wait_for(const std::string& name, Fn&& done, int seconds = 90) const {
    return eventually(
        [&] {
          const auto s = status(name);
          return s.is_object() && done(s);
        },
        std::chrono::seconds(seconds));
  }
  /// Who holds a lease, as this node sees it.
  [[nodiscard]] std::string holder(const std::string& seen_by, const std::string& lease) const {
    const auto s = status(seen_by);
    if (!s.is_object() || !s.contains("cluster")) return {};
    return s["cluster"]["leases"].value(lease, "");
  }
  /// What all nodes have logged, for a message.
  [[nodiscard]] std::string log() const {
    std::string all;
    for (const auto& [name, n] : nodes_) {
      all += "== " + name + "\n" + n.told;
      if (n.process) all += n.process->errors();
    }
    return all;
  }

  /// The recording is through and in Redis.
  [[nodiscard]] bool played(const std::string& ingest, int seconds = 120) const {
    return wait_for(
        ingest,
        [](const nlohmann::json& s) {
          const auto& i = s["ingest"];
          return i.contains("exchange") && i["exchange"].value("finished", false) &&
                 i.contains("forwards") && i["forwards"].value("lag", 1) == 0;
        },
        seconds);
  }
  /// Everything that the journal of `ingest`, which has stopped, gives is stored; then all stop,
  /// and nothing is missing, there twice, or other than one process makes of it.
  void prove(const std::string& ingest) {
    const auto expected = journaled(data(ingest), cluster_timeframes);
    CHECK(expected.ticks > 0);
    const bool all = eventually(
        [&] {
          try {
            return stored(db(), cluster_timeframes) == expected;
          } catch (const std::runtime_error&) {
            return false;
          }
        },
        std::chrono::seconds(90));
    if (!all) {
      const auto is = stored(db(), cluster_timeframes);
      std::string counts =
          "ticks " + std::to_string(is.ticks) + " of " + std::to_string(expected.ticks);
      for (const auto& tf : cluster_timeframes) {
        counts += ", " + tf + " " + std::to_string(is.bars.at(tf)) + " of " +
                  std::to_string(expected.bars.at(tf));
      }
      FAIL_CHECK(counts << "\n" << log());
    }
    CHECK_MESSAGE(eventually([&] { return is_idle(); }, std::chrono::seconds(180)), log());
    for (auto& [name, n] : nodes_) {
      if (n.process) CHECK_MESSAGE(stop(name) == 0, name);
    }
    const auto verified = artham({"verify", "--data", data(ingest), "--postgres", db().url()});
    INFO(verified.out << verified.err);
    CHECK(verified.code == 0);
    CHECK(verified.out.find("\ndifferences 0\n") != std::string::npos);
    CHECK((verified.out + verified.err).find("not stored yet") == std::string::npos);
    const scratch replayed;
    CHECK(digest_of(verified) ==
          digest_of(artham({"replay", "--journal", data(ingest), "--out", replayed / "bars"})));
    CHECK(verified.out.find("\nticks " + std::to_string(expected.ticks) + "\n") !=
          std::string::npos);
    REQUIRE(all);
  }

  /// Nobody has anything left to read.
  [[nodiscard]] bool is_idle() const {
    for (const auto& [name, n] : nodes_) {
      if (!n.process || n.roles == "gateway") continue;
      const auto s = status(name);
      if (!s.is_object()) return false;
      for (const auto& [metric, value] : s["metrics"].items()) {
        const bool lag =
            metric.starts_with("artham_reader_lag") || metric.starts_with("artham_store_lag");
        if (lag && value != 0) return false;
      }
    }
    return true;
  }

 private:
  struct member {
    std::unique_ptr<test::process> process;
    std::uint16_t web = 0;
    std::uint16_t control = 0;
    std::string roles;
    std::vector<std::string> more;
    computer where;
    std::string told;  ///< by lives that have ended
  };

  int shards_;
  scratch dir_;
  std::uint16_t redis_port_ = 0;
  std::string seed_;
  std::map<std::string, member> nodes_;
};

}  // namespace artham::test

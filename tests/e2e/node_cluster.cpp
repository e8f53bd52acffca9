#include "tests/e2e/node_cluster.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <utility>

#include "feed/feed.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/places.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/ws_client.hpp"

namespace artham::test {
namespace {

constexpr std::size_t members = 5;
constexpr std::array<const char*, members> names{"ingest", "compute-a", "compute-b", "store",
                                                 "gateway"};
constexpr std::array<const char*, members> roles{"ingest", "bars,features", "bars,features",
                                                 "store", "gateway"};

/// Only who ingests takes these.
bool is_of_ingest(const std::string& option) {
  return option == "--speed" || option == "--recording";
}

}  // namespace

struct node_cluster::state {
  std::string data;
  redis_server redis;
  postgres_server postgres = postgres_server::plain();
  std::array<std::uint16_t, members> web{};
  std::array<std::uint16_t, members> control{};
  std::array<std::unique_ptr<process>, members> run;
  std::string told;  ///< by lives that have ended

  explicit state(std::string d) : data(std::move(d)) {
    for (auto& p : web) p = free_port();
    for (auto& p : control) p = free_port();
  }

  void start(std::size_t i, const std::vector<std::string>& more) {
    std::vector<std::string> all{program(), "run", "--data", i == 0 ? data : data + "-" + names[i]};
    const auto set = [&](const std::string& what) { all.insert(all.end(), {"--set", what}); };
    set(std::string("cluster.node=") + names[i]);
    set(std::string("cluster.roles=") + roles[i]);
    set("cluster.shards=2");
    set("cluster.port=" + std::to_string(control[i]));
    set("cluster.seeds=127.0.0.1:" + std::to_string(control[0]));
    set("web.port=" + std::to_string(web[i]));
    set("bridge.redis.url=redis://127.0.0.1:" + std::to_string(redis.port()));
    set("store.kind=postgres");
    set("store.postgres.url=" + postgres.url());
    set("exchange.chains=false");
    for (std::size_t at = 0; at + 1 < more.size(); at += 2) {
      if (i == 0 || !is_of_ingest(more[at])) all.insert(all.end(), {more[at], more[at + 1]});
    }
    run[i] = std::make_unique<process>(std::move(all));
    if (!run[i]->line()) throw std::runtime_error(std::string(names[i]) + ": " + run[i]->errors());
  }
  [[nodiscard]] nlohmann::json status_of(std::size_t i) const {
    try {
      return nlohmann::json::parse(http_get(web[i], "/v1/status").body, nullptr, false);
    } catch (const std::exception&) {
      return nullptr;
    }
  }
  int end(std::size_t i, int signal) {
    if (!run[i]) return 0;
    run[i]->signal(signal);
    const auto code = run[i]->wait();
    told += std::string("== ") + names[i] + "\n" + run[i]->errors();
    run[i].reset();
    return code;
  }
  /// Nothing of the journal is other than stored, or not stored yet.
  [[nodiscard]] bool is_all_stored() const {
    const auto f = run_to_end({program(), "verify", "--data", data, "--postgres", postgres.url()});
    return f.code == 0 && (f.out + f.err).find("not stored yet") == std::string::npos;
  }
};

namespace {

std::map<std::string, std::shared_ptr<void>>& clusters() {
  static std::map<std::string, std::shared_ptr<void>> by_directory;
  return by_directory;
}

}  // namespace

bool nodes_are_clusters() {
  const char* value = std::getenv("ARTHAM_E2E_CLUSTER");
  return value != nullptr && std::string(value) == "1";
}

node_cluster::node_cluster(const std::string& data, const std::vector<std::string>& more) {
  auto& kept = clusters()[data];
  if (!kept) kept = std::make_shared<state>(data);
  state_ = std::static_pointer_cast<state>(kept);
  for (std::size_t i = 0; i < members; ++i) state_->start(i, more);
  // A test asks it as soon as it runs: the gateway listens once it knows what is computed.
  const bool serves = eventually([&] { return status().is_object(); }, std::chrono::seconds(60));
  if (!serves) throw std::runtime_error("the gateway does not answer: " + errors());
}

node_cluster::~node_cluster() {
  for (std::size_t i = 0; i < members; ++i) state_->end(i, SIGKILL);
}

std::uint16_t node_cluster::port() const {
  return state_->web.back();
}

nlohmann::json node_cluster::status() const {
  auto all = state_->status_of(members - 1);
  if (!all.is_object()) return nullptr;
  for (std::size_t i = 0; i + 1 < members; ++i) {
    const auto one = state_->status_of(i);
    if (!one.is_object()) continue;
    for (const auto& [name, value] : one["metrics"].items()) {
      auto& sum = all["metrics"][name];
      sum = sum.is_null() ? value
                          : nlohmann::json(sum.get<std::int64_t>() + value.get<std::int64_t>());
    }
    if (i != 0) continue;
    all["ingest"] = one["ingest"];
    all["ticks_received"] = one["metrics"].value("artham_ticks_received_total", 0);
    all["feed"]["state"] =
        feed::to_string(static_cast<feed::state>(one["metrics"].value("artham_feed_state", 0)));
  }
  return all;
}

std::string node_cluster::errors() const {
  auto all = state_->told;
  for (std::size_t i = 0; i < members; ++i) {
    if (state_->run[i]) all += std::string("== ") + names[i] + "\n" + state_->run[i]->errors();
  }
  return all;
}

int node_cluster::stop(int signal) {
  int code = state_->end(0, signal);
  // If it never is, the test finds what is missing.
  if (signal != SIGKILL)
    static_cast<void>(
        eventually([&] { return state_->is_all_stored(); }, std::chrono::seconds(60)));
  for (std::size_t i = 1; i < members; ++i) code = std::max(code, state_->end(i, signal));
  return code;
}

std::optional<std::string> node_cluster::database_of(const std::string& data) {
  const auto it = clusters().find(data);
  if (it == clusters().end()) return std::nullopt;
  return std::static_pointer_cast<state>(it->second)->postgres.url();
}

}  // namespace artham::test

#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/e2e/node_cluster.hpp"
#include "tests/support/places.hpp"
#include "tests/support/process.hpp"
#include "tests/support/ws_client.hpp"

namespace artham::test {

inline std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

/// `artham run` on a free port; its synthetic market has option chains only if `more` sets
/// exchange.chains=true. With ARTHAM_E2E_CLUSTER=1 the same as a cluster of processes; `process` is
/// not to be asked for then.
class node {
 public:
  node(const std::string& data, std::vector<std::string> more = {}, bool signals_ignored = false) {
    if (nodes_are_clusters()) {
      cluster_.emplace(data, more);
      port_ = cluster_->port();
      return;
    }
    process_.emplace(arguments(data, std::move(more)), signals_ignored);
    const auto url = process_->line();
    REQUIRE_MESSAGE(url, process_->errors());
    port_ = port_of(*url);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] test::process& process() { return process_.value(); }
  [[nodiscard]] nlohmann::json get(const std::string& target) const {
    if (cluster_ && target == "/v1/status") return cluster_->status();
    const auto a = http_get(port_, target);
    return nlohmann::json::parse(a.body, nullptr, false);
  }
  /// Polls until `done(status)`; false after a minute.
  template <class Fn>
  bool wait_for(Fn&& done) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (std::chrono::steady_clock::now() < deadline) {
      if (done(get("/v1/status"))) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  int stop(int signal = SIGTERM) {
    if (cluster_) return cluster_->stop(signal);
    process_->signal(signal);
    return process_->wait();
  }

 private:
  static std::vector<std::string> arguments(const std::string& data,
                                            std::vector<std::string> more) {
    std::vector<std::string> all{
        artham::test::program(), "run", "--data", data, "--set", "web.port=0", "--set",
        "exchange.chains=false"};
    for (auto& m : more) all.push_back(std::move(m));
    return all;
  }
  std::optional<test::process> process_;
  std::optional<node_cluster> cluster_;
  std::uint16_t port_ = 0;
};

/// A recording was played to its end: every instrument's day is closed, and every final bar is
/// stored. Of a cluster: and is in Redis; what it makes of that is stored before it stops.
inline bool settled(const nlohmann::json& status) {
  if (status.contains("ingest")) {
    const auto& i = status["ingest"];
    return i.contains("exchange") && i["exchange"].value("finished", false) &&
           i.contains("forwards") && i["forwards"].value("lag", 1) == 0;
  }
  if (!status.contains("exchange") || !status["exchange"].value("finished", false)) return false;
  const auto& metrics = status["metrics"];
  const auto builders = metrics.value("artham_bar_builders", 0);
  if (builders == 0 || metrics.value("artham_bars_final_total.1D", 0) < builders) return false;
  const std::string made = "artham_bars_final_total.";
  for (const auto& [name, value] : metrics.items()) {
    if (name.starts_with(made) &&
        metrics.value("artham_store_rows_total.md:bars:final." + name.substr(made.size()), -1) !=
            value) {
      return false;
    }
  }
  return true;
}

}  // namespace artham::test

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/e2e/cluster.hpp"

namespace artham::test {

/// A client of a gateway that notes the final bars that it is sent, in a thread of its own; it
/// connects again when the connection ends. Bars of one key between two breaks must be the stored
/// ones, each once and in order.
class final_bars_seen {
 public:
  /// Starts of bars, in microseconds, without a break between them.
  using run = std::vector<std::int64_t>;

  final_bars_seen(std::uint16_t port, computer where, std::vector<std::string> keys)
      : port_(port),
        where_(std::move(where)),
        keys_(std::move(keys)),
        thread_([this] { watch(); }) {}
  ~final_bars_seen() { stop(); }
  final_bars_seen(const final_bars_seen&) = delete;
  final_bars_seen& operator=(const final_bars_seen&) = delete;

  void stop() {
    ends_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::map<std::string, std::vector<run>> runs() const {
    const std::lock_guard lock(mutex_);
    return runs_;
  }
  /// Connections that ended, and gaps that were told.
  [[nodiscard]] std::size_t breaks() const { return breaks_; }
  [[nodiscard]] std::size_t bars() const { return bars_; }

 private:
  void watch() {
    while (!ends_) {
      try {
        where_.inside([&] { connected(); });
      } catch (const std::exception&) {
        // It is tried again.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    }
  }
  void connected() {
    ws_client ws(port_);
    ws.send(nlohmann::json{{"id", 1}, {"op", "sub"}, {"keys", keys_}}.dump());
    begin_runs(keys_);
    while (!ends_) {
      // A tick of the keys' instruments never takes so long.
      const auto m = ws.next(std::chrono::seconds(90));
      if (!m) break;
      note(*m);
    }
    if (!ends_) ++breaks_;
  }
  void begin_runs(const std::vector<std::string>& keys) {
    const std::lock_guard lock(mutex_);
    for (const auto& k : keys) runs_[k].emplace_back();
  }
  void note(const nlohmann::json& m) {
    const auto what = m.value("ev", "");
    if (what == "gap") {
      ++breaks_;
      begin_runs(m.contains("key") ? std::vector{m["key"].get<std::string>()} : keys_);
    } else if (what == "bar" && m["bar"]["final"] == true && m["bar"]["revision"] == 0) {
      ++bars_;
      const std::lock_guard lock(mutex_);
      runs_[m["key"]].back().push_back(m["bar"]["start"].get<std::int64_t>());
    }
  }

  std::uint16_t port_;
  computer where_;
  std::vector<std::string> keys_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<run>> runs_;
  std::atomic<std::size_t> breaks_ = 0;
  std::atomic<std::size_t> bars_ = 0;
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

}  // namespace artham::test

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "feed/feed.hpp"

namespace artham::test {

/// Writes down what a feed delivers, in order, for a test to wait for and look at.
class recording_sink final : public feed::sink {
 public:
  enum class kind { frame, market_time, state, subscription, text };
  struct event {
    kind what = kind::frame;
    market::timestamp market_time = 0;
    std::string bytes{};  // frame; text: JSON
    std::string type{};   // text
    feed::state state = feed::state::stopped;
    market::gap_cause cause = market::gap_cause::none;
    std::string detail{};
    market::timestamp heard = 0;
    std::vector<std::uint32_t> tokens{};
    market::tick_mode mode = market::tick_mode::ltp;
    bool added = false;
    std::uint32_t connection = 0;  // state
  };

  /// False makes the feed wait after each frame.
  std::atomic<bool> take_more{true};

  bool on_frame(std::string frame, market::timestamp market_time, market::timestamp) override {
    event e{.what = kind::frame, .market_time = market_time};
    e.bytes = std::move(frame);
    put(std::move(e));
    return take_more;
  }
  void on_market_time(market::timestamp market_time, market::timestamp) override {
    put({.what = kind::market_time, .market_time = market_time});
  }
  void on_state(feed::state_change change, market::timestamp market_time,
                market::timestamp) override {
    event e{.what = kind::state, .market_time = market_time};
    e.state = change.state;
    e.cause = change.cause;
    e.detail = std::move(change.detail);
    e.heard = change.heard;
    e.connection = change.connection;
    put(std::move(e));
  }
  void on_subscription(std::span<const std::uint32_t> tokens, market::tick_mode mode, bool added,
                       market::timestamp market_time, market::timestamp) override {
    event e{.what = kind::subscription, .market_time = market_time};
    e.tokens.assign(tokens.begin(), tokens.end());
    e.mode = mode;
    e.added = added;
    put(std::move(e));
  }
  void on_text(std::string type, std::string json) override {
    event e{.what = kind::text};
    e.type = std::move(type);
    e.bytes = std::move(json);
    put(std::move(e));
  }

  [[nodiscard]] std::vector<event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  [[nodiscard]] std::vector<event> events(kind what) const {
    const std::lock_guard lock(mutex_);
    std::vector<event> out;
    for (const auto& e : events_) {
      if (e.what == what) out.push_back(e);
    }
    return out;
  }
  /// Waits until there are `n` events of a kind; true when there are.
  [[nodiscard]] bool wait_for(kind what, std::size_t n) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] {
      std::size_t found = 0;
      for (const auto& e : events_) found += e.what == what ? 1 : 0;
      return found >= n;
    });
  }

 private:
  void put(event e) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(e));
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<event> events_;
};

}  // namespace artham::test

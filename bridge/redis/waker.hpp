#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "market/time.hpp"

namespace artham::bridge::redis {

/// What a thread waits for between its steps. Callbacks may come when it is gone.
class waker {
 public:
  [[nodiscard]] std::function<void()> callback() const {
    return [s = state_] {
      const std::lock_guard lock(s->mutex);
      s->called = true;
      s->changed.notify_all();
    };
  }
  void stop() {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
  }
  [[nodiscard]] bool is_stopping() const {
    const std::lock_guard lock(state_->mutex);
    return state_->stopping;
  }
  /// Until a callback comes, or the time is over; false when it is to stop.
  bool wait(market::duration limit) {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, std::chrono::nanoseconds(limit),
                             [&] { return state_->called || state_->stopping; });
    state_->called = false;
    return !state_->stopping;
  }
  /// The whole time, whatever comes; false when it is to stop.
  bool pause(market::duration time) {
    std::unique_lock lock(state_->mutex);
    return !state_->changed.wait_for(lock, std::chrono::nanoseconds(time),
                                     [&] { return state_->stopping; });
  }

 private:
  struct state {
    std::mutex mutex;
    std::condition_variable changed;
    bool called = false;
    bool stopping = false;
  };
  std::shared_ptr<state> state_ = std::make_shared<state>();
};

}  // namespace artham::bridge::redis

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace artham::actors {

/// Tells whoever waits for alerts that there may be more. Thread-safe.
class alert_bell {
 public:
  /// Called from any thread, until `leave`; must not block. The number is for `leave`.
  std::uint64_t wait(std::function<void()> fn) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(next_, std::move(fn));
    return next_++;
  }
  void leave(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    waiting_.erase(number);
  }
  void ring() {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, fn] : waiting_) fn();
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, std::function<void()>> waiting_;
  std::uint64_t next_ = 1;
};

}  // namespace artham::actors

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "runtime/worker.hpp"
#include "store/alerts.hpp"

namespace artham::actors {

/// A book of alerts with the only thread that uses it. Thread-safe.
class alert_desk {
 public:
  using job = std::function<void(store::alert_book&)>;

  alert_desk(std::unique_ptr<store::alert_book> book, std::string name, std::size_t max_queued)
      : book_(std::move(book)), thread_(std::move(name), max_queued) {}

  /// False: too many jobs wait, or it is stopping.
  [[nodiscard]] bool post(job fn) {
    return thread_.post([this, fn = std::move(fn)] {
      if (!stopping_) fn(*book_);
    });
  }
  /// Waits for the job under way. Those behind it are dropped: each could wait for a store that
  /// does not answer.
  void stop() {
    stopping_ = true;
    thread_.stop();
  }

 private:
  std::unique_ptr<store::alert_book> book_;
  std::atomic<bool> stopping_{false};
  runtime::worker thread_;
};

}  // namespace artham::actors

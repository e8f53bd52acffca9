#pragma once

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
    return thread_.post([fn = std::move(fn), book = book_.get()] { fn(*book); });
  }
  void stop() { thread_.stop(); }

 private:
  std::unique_ptr<store::alert_book> book_;
  runtime::worker thread_;
};

}  // namespace artham::actors

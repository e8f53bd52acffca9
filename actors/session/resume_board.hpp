#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "messages/batch.hpp"

namespace artham::actors {

/// How far the hub has told its streams, for threads that read what clients have missed: whoever
/// joins later is told nothing up to there. Thread-safe.
class resume_board {
 public:
  void set(messages::resume_point_ptr at) {
    const std::lock_guard lock(mutex_);
    at_ = std::move(at);
  }
  /// Null: the hub has not begun.
  [[nodiscard]] messages::resume_point_ptr get() const {
    const std::lock_guard lock(mutex_);
    return at_;
  }

 private:
  mutable std::mutex mutex_;
  messages::resume_point_ptr at_;
};

}  // namespace artham::actors

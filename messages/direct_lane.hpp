#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "messages/batch.hpp"
#include "messages/client.hpp"

namespace artham::messages {

/// Past a session that has nothing to do: while its client takes everything, the hub gives what is
/// pushed to the socket itself, so that a message costs neither another actor's mailbox nor a
/// thread that must wake up for it. The first batch that the socket does not take closes the lane;
/// that one, all behind it, and all that is no push go to the session, which opens the lane again
/// when nothing waits with it or on the way to it. So nothing overtakes anything. Thread-safe.
class direct_lane {
 public:
  explicit direct_lane(std::shared_ptr<client> c) : client_(std::move(c)) {}

  /// The hub's. False: the batch is to be sent to the session.
  [[nodiscard]] bool pass(const batch& b) {
    const std::lock_guard lock(mutex_);
    if (open_ && b.source == batch::origin::live &&
        client_->send_frames({b.bytes, 0, b.bytes->size(), b.items.size()})) {
      passed_.messages += b.items.size();
      if (b.upto) passed_.upto = b.upto;
      return true;
    }
    open_ = false;
    ++under_way_;
    return false;
  }

  struct passed {
    std::uint64_t messages = 0;
    resume_point_ptr upto;  ///< of the last that had one
  };
  /// The session's: what went past it since it asked last.
  [[nodiscard]] passed take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(passed_, {});
  }
  /// The session's: one that did not pass has come.
  void arrived() {
    const std::lock_guard lock(mutex_);
    --under_way_;
  }
  /// The session's: something waits with it.
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  /// The session's: nothing waits with it. Opens unless something is on the way.
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = under_way_ == 0;
  }

 private:
  const std::shared_ptr<client> client_;
  std::mutex mutex_;
  bool open_ = false;
  std::uint64_t under_way_ = 0;
  passed passed_;
};

}  // namespace artham::messages

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "messages/credentials.hpp"
#include "runtime/worker.hpp"
#include "supervisors/cluster/doorbell.hpp"
#include "supervisors/cluster/endpoint.hpp"

namespace artham::supervisors {

/// Rings at several doors at a time, from threads of its own.
class dialer {
 public:
  explicit dialer(const messages::credentials& c) : bell_(c) {}
  /// Ends what is under way; its `done` is still called.
  ~dialer() {
    bell_.give_up();
    for (auto& t : threads_) t.stop();
  }
  dialer(const dialer&) = delete;
  dialer& operator=(const dialer&) = delete;

  /// `done` is called on another thread. False: too much is waiting already.
  [[nodiscard]] bool dial(endpoint where, std::chrono::milliseconds limit,
                          std::function<void(result<std::string>)> done) {
    auto& thread = threads_[next_++ % threads_.size()];
    return thread.post([this, where = std::move(where), limit, done = std::move(done)] {
      done(bell_.ring(where, limit));
    });
  }

 private:
  static constexpr std::size_t waiting = 64;  // per thread
  doorbell bell_;
  std::array<runtime::worker, 4> threads_{
      runtime::worker{"dial-0", waiting}, runtime::worker{"dial-1", waiting},
      runtime::worker{"dial-2", waiting}, runtime::worker{"dial-3", waiting}};
  std::size_t next_ = 0;
};

}  // namespace artham::supervisors

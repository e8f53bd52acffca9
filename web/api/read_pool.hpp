#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/worker.hpp"

namespace artham::web {

/// Threads for reads of the store, each with a bounded queue. Ends them with itself, after what is
/// queued.
class read_pool {
 public:
  /// At least one thread; `queued` jobs wait per thread at most.
  read_pool(std::size_t threads, std::size_t queued);

  /// To the least loaded thread. False: its queue is full, the job was not taken.
  [[nodiscard]] bool post(std::function<void()> job);

 private:
  std::vector<std::unique_ptr<runtime::worker>> workers_;
};

}  // namespace artham::web

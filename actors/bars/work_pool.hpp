#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "messages/bar_work.hpp"

namespace artham::actors {

/// Lends works and takes their buffers back when the last holder lets go, so that a replay does not
/// ask the system for the same megabytes again and again. Thread-safe; works may outlive it.
class work_pool {
 public:
  /// A work with `slices` slices and room for `ticks` ticks, which are not initialised; everything
  /// else is as in a new one.
  [[nodiscard]] messages::bar_work_ptr take(std::size_t slices, std::size_t ticks);

 private:
  struct shelf {
    shelf();
    std::mutex mutex;
    std::vector<std::unique_ptr<messages::bar_work>> works;
  };
  std::shared_ptr<shelf> shelf_ = std::make_shared<shelf>();
};

}  // namespace artham::actors

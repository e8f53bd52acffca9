#include "web/api/read_pool.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace artham::web {

read_pool::read_pool(std::size_t threads, std::size_t queued) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i)
    workers_.push_back(std::make_unique<runtime::worker>("web-read-" + std::to_string(i), queued));
}

bool read_pool::post(std::function<void()> job) {
  const auto least =
      std::min_element(workers_.begin(), workers_.end(),
                       [](const auto& a, const auto& b) { return a->queued() < b->queued(); });
  return (*least)->post(std::move(job));
}

}  // namespace artham::web

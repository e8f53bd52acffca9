#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace artham::bridge::redis {

/// Threads that pack and read entries along with the thread that has many of them to do.
class crew {
 public:
  explicit crew(std::size_t helpers);
  ~crew();
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;

  /// Calls part(0) to part(parts - 1), each once, here and in the helpers; returns when all are
  /// done. While others have the helpers, all are called here. `part` must not throw.
  void share(std::size_t parts, const std::function<void(std::size_t)>& part);

 private:
  void help();

  std::atomic_flag busy_;  ///< somebody has the helpers

  std::mutex mutex_;  ///< of everything up to the empty line
  std::condition_variable work_;
  std::condition_variable done_;
  const std::function<void(std::size_t)>* part_ = nullptr;
  std::size_t parts_ = 0;
  std::size_t next_ = 0;
  std::size_t left_ = 0;
  bool stopping_ = false;

  std::vector<std::thread> helpers_;
};

/// For this machine: few, as what they do is seldom much.
[[nodiscard]] std::size_t usual_helpers();

}  // namespace artham::bridge::redis

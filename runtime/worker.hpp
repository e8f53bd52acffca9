#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace artham::runtime {

/// One thread with a bounded queue of jobs, for calls that block (a database, a disk). Jobs post
/// their results back themselves.
class worker {
 public:
  worker(std::string name, std::size_t max_queued);
  /// Runs what is queued, then ends the thread.
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  /// False when the queue is full or the worker is stopping: the job was not taken.
  [[nodiscard]] bool post(std::function<void()> job);
  [[nodiscard]] std::size_t queued() const;
  /// Runs what is queued and joins; later posts are refused.
  void stop();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace artham::runtime

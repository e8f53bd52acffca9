#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace artham::app {

/// A line on stderr that says how far long work has come; only on a terminal, gone with the object.
class progress {
 public:
  explicit progress(std::string what);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// So many ticks, of a number that is not known.
  void at(std::uint64_t ticks);
  /// A bar: `done` of `all` records.
  void at(std::uint64_t done, std::uint64_t all);

 private:
  [[nodiscard]] bool due();

  std::string what_;
  bool shown_;
  bool any_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace artham::app

#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace artham::web {

/// Who an address counts as: without its port, a /64 of IPv6 as one, as it belongs to one
/// subscriber.
[[nodiscard]] std::string neighbour_of(std::string_view address);

/// Counts failures by address in windows of a minute. Of more addresses than it can hold it forgets
/// the one whose window began first. One thread's.
class failure_limit {
 public:
  using time = std::chrono::steady_clock::time_point;

  explicit failure_limit(std::size_t per_minute, std::size_t addresses = 4096)
      : per_minute_(per_minute), addresses_(addresses) {}

  /// Whether another attempt is looked at.
  [[nodiscard]] bool allows(const std::string& who, time now);
  /// True when that was the last one allowed.
  bool failed(const std::string& who, time now);
  [[nodiscard]] std::size_t known() const { return by_name_.size(); }

 private:
  struct window {
    std::string who;
    time began;
    std::size_t failures = 0;
  };
  void forget_old(time now);

  std::size_t per_minute_;
  std::size_t addresses_;
  std::list<window> windows_;  ///< by begin
  std::unordered_map<std::string, std::list<window>::iterator> by_name_;
};

}  // namespace artham::web

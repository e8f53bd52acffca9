#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/redis/redis.hpp"

namespace artham::bridge::redis {

/// What keeps each part of the bridge from working. Thread-safe.
class health {
 public:
  explicit health(health_callback on_change) : on_change_(std::move(on_change)) {}

  /// Calls back when what the whole suffers from has changed.
  void set(std::string_view part, const std::optional<error>& e);
  /// No part waits for the server.
  [[nodiscard]] bool is_up() const;
  struct state {
    std::optional<error> suffers;
    market::timestamp since = 0;  ///< wall time
  };
  [[nodiscard]] state now() const;

 private:
  [[nodiscard]] std::optional<error> first() const;

  const health_callback on_change_;
  std::mutex call_mutex_;  ///< held while calling back, so that calls come in order
  mutable std::mutex mutex_;
  std::map<std::string, error, std::less<>> parts_;
  std::optional<error> said_;
  market::timestamp since_ = 0;
};

}  // namespace artham::bridge::redis

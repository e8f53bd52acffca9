#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace artham::test {

/// Polls until the condition holds; false once the limit has passed.
inline bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace artham::test

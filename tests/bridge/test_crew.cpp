#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "bridge/redis/crew.hpp"

namespace artham::test {

using bridge::redis::crew;

TEST_CASE("every part is done once, by however many") {
  for (const std::size_t helpers : {0U, 1U, 3U}) {
    CAPTURE(helpers);
    crew c(helpers);
    for (std::size_t parts = 0; parts < 300; ++parts) {
      std::vector<std::atomic<int>> done(parts);
      c.share(parts, [&](std::size_t i) { ++done[i]; });
      for (const auto& n : done) CHECK(n == 1);
    }
  }
}

TEST_CASE("helpers do help, and who comes meanwhile does its own alone") {
  crew c(1);
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::thread::id> threads;
  int alone = 0;
  // Neither part ends before both have begun: one thread could not.
  c.share(2, [&](std::size_t) {
    {
      std::unique_lock lock(mutex);
      threads.insert(std::this_thread::get_id());
      changed.notify_all();
      changed.wait(lock, [&] { return threads.size() == 2; });
    }
    const auto me = std::this_thread::get_id();
    c.share(3, [&](std::size_t) {
      const std::lock_guard lock(mutex);
      alone += std::this_thread::get_id() == me ? 1 : 0;
    });
  });
  CHECK(threads.size() == 2);
  CHECK(alone == 6);
}

TEST_CASE("several threads share one crew") {
  crew c(2);
  std::atomic<int> sum{0};
  std::vector<std::thread> users;
  for (int t = 0; t < 3; ++t) {
    users.emplace_back([&] {
      for (int n = 0; n < 500; ++n) c.share(4, [&](std::size_t) { ++sum; });
    });
  }
  for (auto& t : users) t.join();
  CHECK(sum == 6000);
}

}  // namespace artham::test

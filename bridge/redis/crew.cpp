#include "bridge/redis/crew.hpp"

#include <pthread.h>

#include <algorithm>

namespace artham::bridge::redis {

crew::crew(std::size_t helpers) {
  for (std::size_t i = 0; i < helpers; ++i) {
    helpers_.emplace_back([this] {
      pthread_setname_np(pthread_self(), "redis-crew");
      help();
    });
  }
}

crew::~crew() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (auto& t : helpers_) t.join();
}

void crew::share(std::size_t parts, const std::function<void(std::size_t)>& part) {
  if (parts < 2 || helpers_.empty() || busy_.test_and_set()) {
    for (std::size_t i = 0; i < parts; ++i) part(i);
    return;
  }
  std::unique_lock lock(mutex_);
  part_ = &part;
  parts_ = left_ = parts;
  next_ = 0;
  work_.notify_all();
  while (next_ != parts_) {
    const auto i = next_++;
    lock.unlock();
    part(i);
    lock.lock();
    --left_;
  }
  done_.wait(lock, [&] { return left_ == 0; });
  part_ = nullptr;
  busy_.clear();
}

void crew::help() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stopping_ || (part_ != nullptr && next_ != parts_); });
    if (stopping_) return;
    const auto& part = *part_;
    const auto i = next_++;
    lock.unlock();
    part(i);
    lock.lock();
    if (--left_ == 0) done_.notify_one();
  }
}

std::size_t usual_helpers() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4) - 1;
}

}  // namespace artham::bridge::redis

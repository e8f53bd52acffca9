#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "market/calendar.hpp"
#include "web/server/http.hpp"

namespace artham::web::testing {

/// Waits for the one answer of a request.
class inbox : public responder::target {
 public:
  void answer(http_response r) override {
    const std::lock_guard lock(mutex_);
    if (answer_) return;
    answer_ = std::move(r);
    changed_.notify_all();
  }
  void limit(std::chrono::milliseconds time, std::string) override { limit_ = time; }
  http_response wait() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(5), [&] { return answer_.has_value(); }));
    return *answer_;
  }
  bool answered() {
    const std::lock_guard lock(mutex_);
    return answer_.has_value();
  }
  std::chrono::milliseconds limit_{0};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<http_response> answer_;
};

inline market::calendar_ptr nse_calendar() {
  market::calendar_spec spec;
  spec.name = "NSE";
  spec.offsets = {{0, market::india_offset}};
  spec.regulars = {
      {market::make_date(2020, 1, 1),
       {{9 * market::hour + 15 * market::minute, 15 * market::hour + 30 * market::minute}}}};
  return std::make_shared<const market::calendar>(*market::calendar::make(std::move(spec)));
}

}  // namespace artham::web::testing

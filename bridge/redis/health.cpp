#include "bridge/redis/health.hpp"

#include <algorithm>

#include "runtime/clock.hpp"

namespace artham::bridge::redis {

std::optional<error> health::first() const {
  if (parts_.empty()) return std::nullopt;
  return parts_.begin()->second;
}

void health::set(std::string_view part, const std::optional<error>& e) {
  {
    const std::lock_guard lock(mutex_);
    const auto it = parts_.find(part);
    if (it == parts_.end() ? !e : e == it->second) return;
  }
  const std::lock_guard call(call_mutex_);
  std::optional<error> now;
  {
    const std::lock_guard lock(mutex_);
    if (e) {
      parts_.insert_or_assign(std::string(part), *e);
    } else if (const auto it = parts_.find(part); it != parts_.end()) {
      parts_.erase(it);
    }
    now = first();
    // The same trouble is told once, whichever part has it and however it words it.
    if (now.has_value() == said_.has_value() && (!now || now->code == said_->code)) return;
    said_ = now;
    since_ = runtime::utc_now();
  }
  if (on_change_) on_change_(now);
}

bool health::is_up() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::none_of(parts_, [](const auto& p) {
    return p.second.code == errc::unavailable || p.second.code == errc::refused;
  });
}

health::state health::now() const {
  const std::lock_guard lock(mutex_);
  return {first(), since_};
}

}  // namespace artham::bridge::redis

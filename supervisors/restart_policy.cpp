#include "supervisors/restart_policy.hpp"

#include <algorithm>
#include <cmath>

namespace artham::supervisors {

duration backoff_delay(const backoff& b, std::size_t crashes, double random) {
  if (b.first_at_once) {
    if (crashes <= 1) return duration::zero();
    --crashes;
  }
  // 2^60 ns are 36 years.
  const auto exponent = static_cast<double>(std::clamp<std::size_t>(crashes, 1, 61) - 1);
  const auto longest = static_cast<double>(b.max.count());
  const double delay =
      std::min(static_cast<double>(b.min.count()) * std::pow(b.factor, exponent), longest);
  const double varied = delay * (1 + b.jitter * (2 * random - 1));
  return duration(static_cast<duration::rep>(std::max(varied, 0.0)));
}

bool restart_window::hit(const intensity& limit, time_point now) {
  std::erase_if(hits_, [&](time_point hit) { return now - hit >= limit.period; });
  // More than one too many says nothing more.
  if (hits_.size() > limit.restarts) hits_.erase(hits_.begin());
  hits_.push_back(now);
  return hits_.size() > limit.restarts;
}

std::size_t crash_share::hit(std::string_view child, duration period, time_point now) {
  hits_.emplace_back(now, child);
  ++per_child_[hits_.back().second];
  while (now - hits_.front().first >= period && hits_.size() > 1) {
    const auto entry = per_child_.find(hits_.front().second);
    if (--entry->second == 0) per_child_.erase(entry);
    hits_.pop_front();
  }
  return per_child_.size();
}

}  // namespace artham::supervisors

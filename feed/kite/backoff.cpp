#include "feed/kite/backoff.hpp"

#include <algorithm>

namespace artham::feed::kite {

std::chrono::milliseconds backoff::next() {
  base_ = base_.count() == 0 ? options_.min : std::min(options_.max, base_ * options_.factor);
  const auto spread = base_.count() * options_.jitter_percent / 100;
  std::uniform_int_distribution<std::chrono::milliseconds::rep> extra(0, spread);
  return std::min(options_.max, base_ + std::chrono::milliseconds(extra(random_)));
}

}  // namespace artham::feed::kite

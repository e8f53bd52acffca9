#include "actors/store/store_board.hpp"

#include <algorithm>

#include "runtime/clock.hpp"

namespace artham::actors {

bool store_board::waits(const std::string& who, const std::string& why) {
  const std::lock_guard lock(mutex_);
  const bool first =
      std::ranges::none_of(entries_, [&](const auto& e) { return e.second.why == why; });
  auto& e = entries_[who];
  if (e.why.empty()) e.since = runtime::utc_now();
  e.why = why;
  return first;
}

bool store_board::goes_on(const std::string& who) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(who);
  if (found == entries_.end() || found->second.why.empty()) return false;
  found->second.why.clear();
  found->second.since = 0;
  if (found->second.refused == 0) entries_.erase(found);
  return std::ranges::all_of(entries_, [](const auto& e) { return e.second.why.empty(); });
}

void store_board::refused(const std::string& who, std::uint64_t rows, const std::string& why) {
  const std::lock_guard lock(mutex_);
  auto& e = entries_[who];
  e.refused += rows;
  e.refusal = why;
}

std::map<std::string, store_board::entry> store_board::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

}  // namespace artham::actors

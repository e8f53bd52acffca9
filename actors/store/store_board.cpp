#include "actors/store/store_board.hpp"

#include "runtime/clock.hpp"

namespace artham::actors {

void store_board::waits(const std::string& who, const std::string& why) {
  const std::lock_guard lock(mutex_);
  auto& e = entries_[who];
  if (e.why.empty()) e.since = runtime::utc_now();
  e.why = why;
}

void store_board::goes_on(const std::string& who) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(who);
  if (found == entries_.end()) return;
  if (found->second.refused == 0) {
    entries_.erase(found);
  } else {
    found->second.why.clear();
    found->second.since = 0;
  }
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

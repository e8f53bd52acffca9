#include "messages/directory.hpp"

namespace artham::messages {

void directory::put(std::string_view name, caf::actor handle) {
  const std::lock_guard lock(mutex_);
  entries_.insert_or_assign(std::string(name), std::move(handle));
  version_.fetch_add(1, std::memory_order_release);
}

void directory::remove(std::string_view name, const caf::actor_addr& who) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end() || entry->second.address() != who) return;
  entries_.erase(entry);
  version_.fetch_add(1, std::memory_order_release);
}

caf::actor directory::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(name);
  return entry == entries_.end() ? caf::actor() : entry->second;
}

}  // namespace artham::messages

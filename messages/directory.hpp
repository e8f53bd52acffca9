#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>

namespace artham::messages {

/// Where actors find each other by name ("gateway.hub"). Supervisors put each life of a published
/// child in and take it out when it ends. Thread-safe.
class directory {
 public:
  void put(std::string_view name, caf::actor handle);
  /// Does nothing if somebody else has the name by now.
  void remove(std::string_view name, const caf::actor_addr& who);
  /// An empty handle if nobody has the name at the moment.
  [[nodiscard]] caf::actor find(std::string_view name) const;
  /// Changes with every put and remove.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, caf::actor, std::less<>> entries_;
  std::atomic<std::uint64_t> version_{1};
};

/// A name that one actor looks up again and again: costs one atomic load while nothing has changed.
template <class Handle = caf::actor>
class peer {
 public:
  peer(std::shared_ptr<const directory> names, std::string name)
      : names_(std::move(names)), name_(std::move(name)) {}

  /// The present life, or an empty handle. The reference is good until the next call.
  [[nodiscard]] const Handle& get() {
    const auto version = names_->version();
    if (version != seen_) {
      handle_ = caf::actor_cast<Handle>(names_->find(name_));
      seen_ = version;
    }
    return handle_;
  }

 private:
  std::shared_ptr<const directory> names_;
  std::string name_;
  Handle handle_;
  std::uint64_t seen_ = 0;
};

}  // namespace artham::messages

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/cluster.hpp"
#include "supervisors/cluster/control.hpp"

namespace artham::supervisors::detail {

/// Listeners to a value, and the value.
template <class T>
class told {
 public:
  using listener = std::function<void(const T&)>;

  std::uint64_t add(listener l) {
    const std::lock_guard lock(mutex_);
    l(value_);
    listeners_.emplace(++last_, std::move(l));
    return last_;
  }
  void remove(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    listeners_.erase(id);
  }
  void tell(const T& value) {
    const std::lock_guard lock(mutex_);
    if (value == value_) return;
    value_ = value;
    for (const auto& [id, l] : listeners_) l(value_);
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, listener> listeners_;
  std::uint64_t last_ = 0;
  T value_;
};

/// Listeners to what happens to members.
class told_members {
 public:
  using listener = std::function<void(const messages::member_event&)>;

  std::uint64_t add(listener l);
  void remove(std::uint64_t id);
  void tell(const messages::member_event& event);

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, listener> listeners_;
  std::uint64_t last_ = 0;
  std::map<std::string, messages::member> present_;
};

/// What a node wishes for, and how often it has changed.
template <class Item>
struct own_wishes {
  std::vector<Item> items;
  std::uint64_t number = 0;  ///< 0: never said
};

/// What a `control` and the actor that talks for it share.
struct control_state {
  told<std::vector<std::uint32_t>> demand;
  told<std::vector<messages::watched>> watch;
  told_members members;

  /// Guards all below.
  mutable std::mutex mutex;
  own_wishes<std::uint32_t> own_demand;
  own_wishes<messages::watched> own_watch;
  messages::supervisor_actor tree;
  std::function<std::string()> status;
  std::function<void(const std::string&)> drain;
  messages::cluster_actor actor;

  template <class T>
  [[nodiscard]] T get(T control_state::*field) const {
    const std::lock_guard lock(mutex);
    return this->*field;
  }
  template <class T>
  void set(T control_state::*field, T value) {
    {
      const std::lock_guard lock(mutex);
      std::swap(this->*field, value);
    }  // what was there before may end an actor: not under the lock
  }
};

}  // namespace artham::supervisors::detail

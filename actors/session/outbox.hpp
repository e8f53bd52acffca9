#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "messages/batch.hpp"
#include "messages/client.hpp"

namespace artham::actors {

/// What a client is sent when it does not take everything at once.
enum class delivery_policy : std::uint8_t {
  latest,  ///< a value that waits is replaced by a newer one of its key
  all,     ///< every message, in order
};

/// What waits for a client that does not read as fast as it is told: what may not be left out, in
/// order, and the newest value of each key behind that. Bounded by its owner, who asks for bytes().
class outbox {
 public:
  /// Of a key's subscription; null: there is none any more, and its messages are dropped.
  struct subscription {
    delivery_policy policy = delivery_policy::latest;
    std::uint64_t conflated = 0;  ///< values that a newer one replaced here
    std::uint64_t waiting = 0;    ///< messages
  };
  using subscription_of = std::function<subscription*(std::uint64_t key)>;

  void hold(const messages::batch& b, const subscription_of& of);
  /// The key's messages that may be replaced are worthless.
  void drop(std::uint64_t key);
  [[nodiscard]] bool empty() const { return kept_.empty() && newest_.empty(); }
  /// What waits first; empty() is false.
  [[nodiscard]] messages::frames front() const;
  void pop(const subscription_of& of);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// One message waits, however large.
  [[nodiscard]] bool single() const {
    return kept_.size() + newest_.size() == 1 && front().messages == 1;
  }
  /// Values that a newer message replaced here.
  [[nodiscard]] std::uint64_t conflated() const { return conflated_; }

 private:
  struct kept {
    messages::frames what;
    std::vector<std::uint64_t> keys;  ///< of its messages
  };
  using value = std::shared_ptr<const std::string>;

  std::deque<kept> kept_;
  std::map<std::uint64_t, value> newest_;
  std::size_t bytes_ = 0;
  std::uint64_t conflated_ = 0;
};

}  // namespace artham::actors

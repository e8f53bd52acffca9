#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "market/error.hpp"
#include "market/tick.hpp"

namespace artham::feed::kite {

/// Which tokens are asked for, and how. Only `ltp`, `quote` and `full` occur.
using subscriptions = std::map<std::uint32_t, market::tick_mode>;

/// What the caller wants of the peer, and which connection it is wanted of.
///
/// - A connection is opened when the open ones have no room; the first is open from the beginning.
/// - A token goes to the connection that has the fewest, and stays there until it is removed.
class subscription_book {
 public:
  /// Each of `connections` takes `max_tokens`; both at least 1.
  subscription_book(std::size_t connections, std::size_t max_tokens);

  /// All or nothing. A token that is there already changes its mode. Connections that are not
  /// `usable` (empty: all are) get new tokens only when no other has room.
  result<void> add(std::span<const std::uint32_t> tokens, market::tick_mode mode,
                   const std::function<bool(std::size_t connection)>& usable = {});
  void remove(std::span<const std::uint32_t> tokens);

  [[nodiscard]] std::size_t opened() const { return opened_; }
  [[nodiscard]] const subscriptions& wanted(std::size_t connection) const {
    return wanted_[connection];
  }

 private:
  [[nodiscard]] std::size_t room(std::size_t connection) const {
    return max_tokens_ - wanted_[connection].size();
  }

  std::size_t max_tokens_;
  std::size_t opened_ = 1;
  std::vector<subscriptions> wanted_;  ///< by connection
  std::unordered_map<std::uint32_t, std::size_t> place_;
};

/// Tokens of one mode, sorted, that were added or taken back together.
struct subscription_change {
  market::tick_mode mode = market::tick_mode::quote;
  bool added = false;
  std::vector<std::uint32_t> tokens;
};

/// The way from what the peer has to what is wanted.
struct subscription_update {
  std::vector<subscription_change> changes;  ///< removals first, one per mode
  std::vector<std::string> messages;         ///< Kite's JSON, in the order to send
};

/// Unsubscribes first, then subscribes what is new, then sets modes; at most `chunk` tokens per
/// message.
[[nodiscard]] subscription_update plan_update(const subscriptions& sent,
                                              const subscriptions& wanted, std::size_t chunk);

}  // namespace artham::feed::kite

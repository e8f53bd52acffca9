#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "market/error.hpp"
#include "market/tick.hpp"

namespace artham::feed::kite {

/// Which tokens are asked for, and how. Only `ltp`, `quote` and `full` occur.
using subscriptions = std::map<std::uint32_t, market::tick_mode>;

/// What the caller wants of the peer, within the peer's limit on tokens.
class subscription_book {
 public:
  explicit subscription_book(std::size_t max_tokens) : max_tokens_(max_tokens) {}

  /// All or nothing. A token that is there already changes its mode.
  result<void> add(std::span<const std::uint32_t> tokens, market::tick_mode mode);
  void remove(std::span<const std::uint32_t> tokens);
  [[nodiscard]] const subscriptions& wanted() const { return wanted_; }

 private:
  std::size_t max_tokens_;
  subscriptions wanted_;
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

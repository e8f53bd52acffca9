#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages/record/record.hpp"

namespace artham::bridge::local {

/// Distinct instrument tokens, in no order.
class token_set {
 public:
  void insert(std::uint32_t token);
  void clear();
  [[nodiscard]] std::size_t size() const { return size_; }
  template <class Fn>
  void for_each(Fn&& fn) const {
    for (const auto slot : slots_) {
      if (slot != 0) fn(static_cast<std::uint32_t>(slot - 1));
    }
  }

 private:
  void grow();

  std::vector<std::uint64_t> slots_;  ///< token + 1; 0 is free
  std::size_t size_ = 0;
};

/// A Bloom filter of ten bits a token (1 % false answers): eight bytes at least.
[[nodiscard]] std::string make_filter(const token_set& tokens);
/// False only when none of `tokens` is in the filter.
[[nodiscard]] bool may_hold(std::string_view filter, std::span<const std::uint32_t> tokens);

/// Adds the tokens of a block's records as they are laid out (Kite's frames, packed ticks, bars).
/// False when there are records whose tokens cannot be told: the block may hold any.
[[nodiscard]] bool collect_tokens(const record::block& b, token_set& into);

}  // namespace artham::bridge::local

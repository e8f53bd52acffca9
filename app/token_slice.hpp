#pragma once

#include <cstdint>
#include <set>

#include "feed/feed.hpp"
#include "market/error.hpp"
#include "messages/record/record.hpp"

namespace artham::app {

/// Makes blocks of md:ticks that hold some instruments only, numbered anew from 1 in the same
/// epochs.
class token_slice {
 public:
  token_slice(const feed::decoder& decoder, std::set<std::uint32_t> tokens)
      : decoder_(decoder), tokens_(std::move(tokens)) {}

  /// What is left of a block; null when that is nothing. A damaged one becomes its gap mark.
  [[nodiscard]] result<record::block_ptr> take(const record::block& b);

 private:
  [[nodiscard]] result<void> take_ticks(const record::header& h, record::position at,
                                        std::string_view body, record::block& into) const;
  void take_mark(market::mark m, record::block& into) const;

  const feed::decoder& decoder_;
  std::set<std::uint32_t> tokens_;
  std::uint64_t next_seq_ = 1;
};

}  // namespace artham::app

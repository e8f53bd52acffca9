#pragma once

#include <cstdint>
#include <map>
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

  /// Where the positions of `watched` (sorted) are now: that of the first record taken at or behind
  /// each; those without one are behind everything.
  void watch(std::set<record::position> watched) { watched_ = std::move(watched); }
  [[nodiscard]] record::position moved(record::position old) const;

 private:
  [[nodiscard]] result<void> take_ticks(const record::header& h, record::position at,
                                        std::string_view body, record::block& into);
  void take_mark(market::mark m, record::block& into);
  void note(record::position old, record::position now);

  const feed::decoder& decoder_;
  std::set<std::uint32_t> tokens_;
  std::uint64_t next_seq_ = 1;
  std::set<record::position> watched_;
  std::map<record::position, record::position> moved_;
};

}  // namespace artham::app

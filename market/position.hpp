#pragma once

#include <compare>
#include <cstdint>

namespace artham::market {

/// A place in a stream. `seq` is dense over the whole life of a stream; a new epoch begins with
/// every start of the stream's writer, so that a seq that was lost with a crash is never used for
/// two records.
struct position {
  std::uint32_t epoch = 0;
  std::uint64_t seq = 0;  ///< from 1; 0 is "before everything"
  friend auto operator<=>(const position&, const position&) = default;
};

/// What made a derived record: the md:ticks record that it follows from, and its place among the
/// outputs of that record in its own stream. The same for any block size, thread count or machine.
struct cause {
  position at;
  std::uint32_t ordinal = 0;
  friend auto operator<=>(const cause&, const cause&) = default;
};

}  // namespace artham::market

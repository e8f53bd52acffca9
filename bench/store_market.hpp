#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/record/bar_codec.hpp"
#include "store/store.hpp"

namespace artham::bench {

/// Ticks in full mode as a day brings them: the packets of a real feed one after the other, given
/// to many instruments in turn.
struct stored_market {
  std::vector<std::string> packets;  ///< what `ticks` point into
  std::vector<store::tick_row> ticks;
  std::vector<record::bar_record> bars;  ///< 1m, each once
  bool real = false;                     ///< packets of a real feed; else of a made-up one
};

/// `recorded` is a file with a packet in hexadecimal a line; without it they are made up.
[[nodiscard]] stored_market make_stored_market(const std::string& recorded, std::size_t ticks,
                                               std::size_t instruments, std::size_t bars);

}  // namespace artham::bench

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "store/audit.hpp"

namespace artham::app {

struct store_copy_options {
  bool ticks = false;
  /// Where the target's ticks end, when an earlier copy broke off.
  record::position ticks_until;
  std::function<void(std::uint64_t rows)> on_progress;
};

struct store_copied {
  std::uint64_t rows = 0;
  std::uint64_t refused = 0;  ///< by the target; it lists them
  std::string reason;         ///< of the first
};

/// The positions that a store has when all of `source` is in it: those of ticks for each shard, and
/// only when ticks are copied.
[[nodiscard]] std::vector<store::stored_position> positions_of_copy(
    const std::vector<store::stored_position>& source, bool ticks);

/// Writes everything but instruments, some thousand rows at a time, and the positions last: with
/// them the target is whole. Rows that are there stay as they are, so that it may be done again;
/// ticks go on where they ended.
[[nodiscard]] result<store_copied> copy_store(store::audit& source, store::writer& target,
                                              const store_copy_options& o);

}  // namespace artham::app

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "app/journal_rules.hpp"
#include "bridge/bridge.hpp"
#include "messages/record/dead_letter_codec.hpp"

namespace artham::app {

struct rebuild_options {
  std::size_t threads = 2;
  std::uint64_t batch = 262'144;
  /// What the run recorded in md:deadletter (read_quarantines), to be applied here too.
  std::vector<record::dead_letter> quarantines;
  /// Told now and then how far the bars have come.
  std::function<void(record::position)> on_progress;
};

/// All of a journal's md:deadletter.
[[nodiscard]] result<std::vector<record::dead_letter>> read_quarantines(bridge::bridge& journal);

/// Makes the final bars of a journal again, into another bridge, by the actors of the running
/// program: under each period's rules from the journal's beginning to the period's end, leaving out
/// what is made already, as the program does when it is started with other settings. Bars that a
/// repair stored are among them. Returns the number of ticks.
[[nodiscard]] result<std::uint64_t> rebuild(bridge::bridge& journal,
                                            const std::vector<rule_period>& periods,
                                            bridge::bridge& outputs, const rebuild_options& o);

}  // namespace artham::app

#pragma once

#include <memory>
#include <vector>

#include "app/cluster/rules_in_force.hpp"
#include "bridge/bridge.hpp"
#include "market/mark.hpp"
#include "messages/record/dead_letter_codec.hpp"

namespace artham::app {

/// What a replay of an interval of a journal is made of.
struct replay_setup {
  market::timestamp from = 0;  ///< told from here on
  market::timestamp to = 0;    ///< exclusive; not behind what is journaled
  record::position base;       ///< the trading day of `from` begins behind this record
  /// What marks before that have put in force; null where nothing is missing.
  record::block_ptr preamble;
  record::position until;  ///< the last record of the interval
  /// By what bars and features are made where the interval's first tick is.
  std::shared_ptr<const cluster::rules_in_force> rules;
  record::position rules_after;  ///< a mark behind this may put others in force
  std::vector<record::dead_letter> quarantines;

  /// Bars and features are made alike under these.
  [[nodiscard]] bool same_rules(bridge::bridge& journal, const market::config_hashes& hashes) const;
};

/// Finds an interval in md:ticks. Blocks: reads what was journaled in the epoch of its day up to
/// its first tick. errc::not_found when it has no tick: the error says of what time there are some;
/// refused when the beginning of its day is not kept any more.
[[nodiscard]] result<replay_setup> set_up_replay(bridge::bridge& journal, market::timestamp from,
                                                 market::timestamp to);

}  // namespace artham::app

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bridge/common/shard_view.hpp"
#include "feed/feed.hpp"
#include "market/alert/rule_set.hpp"
#include "market/timeframe.hpp"
#include "messages/record/record.hpp"

namespace artham::actors {

/// A stream that rules are evaluated over.
struct alert_input {
  enum class what : std::uint8_t { ticks, bars, features };
  what of = what::ticks;
  market::timeframe timeframe;  ///< of bars
  std::string name;             ///< in its shard
};

/// md:ticks, the final bars of each timeframe, and md:features, in a shard.
[[nodiscard]] std::vector<alert_input> alert_inputs(
    const std::vector<market::timeframe>& timeframes, bool features, std::uint32_t shard = 0,
    std::uint32_t shards = 1);
/// Whether what a rule of that key watches is in the stream.
[[nodiscard]] bool feeds(const alert_input& input, const market::alert::rule_key& key);

/// What the rules say to the records of a block behind `after`: appended to `out`, in the order of
/// causes, ordinals, rules and versions. `cause` is moved to the last record's. From any bridge,
/// live or replayed; errc::corrupt for what cannot be read.
[[nodiscard]] result<void> evaluate(market::alert::rule_set& rules, const alert_input& input,
                                    const record::block& b, record::position after,
                                    const feed::decoder& decoder, record::position& cause,
                                    std::vector<market::alert::fired>& out);

}  // namespace artham::actors

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "actors/alert/alert_input.hpp"
#include "actors/session/stream_set.hpp"
#include "feed/feed.hpp"
#include "market/alert/rule_set.hpp"
#include "market/timeframe.hpp"
#include "store/alerts.hpp"

namespace artham::actors {

/// Alerts of a replay: what somebody's rules say to the records that are played, as if all of them
/// had been made where the playing began. An alert has the id that it has live. Nothing is stored.
/// Knows no actor.
class replay_alerts {
 public:
  /// `timeframes` are those of the streams' list.
  replay_alerts(const std::vector<store::alert_rule>& rules,
                std::vector<market::timeframe> timeframes, const feed::decoder& decoder);

  /// From here on; nothing is remembered of before.
  void begin();
  /// What the rules say to a block: fn(json) for each alert. errc::corrupt for what cannot be read.
  [[nodiscard]] result<void> take(const stream_list::entry& stream, const record::block& b,
                                  const std::function<void(const std::string& json)>& fn);
  /// The newest of those that were made since begin(), at most a thousand: `{"alerts":[…]}`.
  [[nodiscard]] std::string snapshot(std::size_t at_most) const;

 private:
  using rule_name = std::pair<std::int64_t, std::uint32_t>;

  std::vector<market::timeframe> timeframes_;
  const feed::decoder& decoder_;
  std::map<rule_name, store::alert_rule> stored_;
  std::vector<market::alert::bound_rule> fresh_;
  market::alert::rule_set rules_;
  std::deque<std::string> newest_;
};

}  // namespace artham::actors

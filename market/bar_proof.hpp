#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "market/bar_aggregator.hpp"
#include "market/bar_fold.hpp"

namespace artham::market {

/// What became of a tick.
enum class tick_fate : std::uint8_t {
  used,
  late,       ///< used, and changed a bar of some timeframe that was final
  duplicate,  ///< as bar_aggregator::counters say, like the following
  ahead,
  too_late,
  outside,      ///< in no session: its volume belongs to no bar
  quarantined,  ///< the builder died of its record, and leaves it out
};
[[nodiscard]] std::string_view to_string(tick_fate f);

/// A tick whose exchange time, or for an event bar whose place in tick order, lies inside a bar.
struct proven_tick {
  bar_input tick;
  timestamp receive = 0;  ///< market time
  tick_fate fate = tick_fate::used;
  /// The volume that it stands for; absent when it has none or was not used.
  std::optional<std::int64_t> counted;
};

/// The bar that a proof is about: one of a plan's timeframes, and its bounds.
struct proof_subject {
  std::uint32_t timeframe = 0;  ///< index into bar_plan::timeframes
  timestamp start = 0;
  timestamp end = 0;
  /// Of its first and last tick, where the bounds do not say which ticks are its own: event bars,
  /// several of which may begin and end at one instant.
  std::optional<std::pair<tick_key, tick_key>> ticks = std::nullopt;
};

/// Makes one bar of one instrument again out of journaled records, and keeps what it was made of.
/// The records begin in front of the bar's trading day.
class bar_prover {
 public:
  /// Of more than `max_ticks` ticks inside the bar only the first ones are kept.
  bar_prover(std::shared_ptr<const bar_plan> plan, std::uint32_t token,
             const proof_subject& subject, std::size_t max_ticks);

  /// The next record, in stream order. Ticks are those of the instrument, marks are all.
  void take(const bar_input& t, timestamp receive);
  void take(const mark& m);
  /// A tick that the bar's builder leaves out.
  void leave_out(const bar_input& t, timestamp receive);

  /// Every revision of the bar that the records made, in order.
  [[nodiscard]] const std::vector<closed_bar>& revisions() const { return revisions_; }
  /// In tick order.
  [[nodiscard]] std::vector<proven_tick> ticks() const;
  [[nodiscard]] bool has_too_many() const { return too_many_; }

 private:
  void keep_revisions();
  void keep(const bar_input& t, timestamp receive, tick_fate fate);
  [[nodiscard]] bool is_before(const bar_input& t) const;
  [[nodiscard]] bool is_behind(const bar_input& t) const;

  std::shared_ptr<const bar_plan> plan_;
  proof_subject subject_;
  std::size_t max_ticks_;
  bar_aggregator bars_;
  timestamp day_begin_;
  timestamp day_end_;
  timestamp clock_ = 0;
  std::vector<closed_bar> closed_;
  std::vector<closed_bar> revisions_;
  std::vector<proven_tick> ticks_;
  bool too_many_ = false;
  std::optional<bar_input> before_;  ///< of the trading day: the last with volume before the bar
  std::optional<std::int64_t> baseline_;  ///< once the trading day is over
};

}  // namespace artham::market

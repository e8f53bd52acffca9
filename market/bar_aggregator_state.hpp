#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "market/bar_aggregator.hpp"
#include "market/bar_fold.hpp"
#include "market/revision_book.hpp"
#include "market/tick_history.hpp"

namespace artham::market {

/// A stretch of market time in which the feed was lost.
struct feed_loss {
  timestamp from = 0;
  timestamp to = 0;
  timestamp told = 0;  ///< bars that ended by then were final before it was known
};

/// Everything that bar_aggregator knows; what stands here is what `save` writes.
struct bar_aggregator::state {
  /// Beyond the lateness, how long a tick is held, so that another can still be put in front of it.
  static constexpr duration hold_margin = 7 * second;
  /// Before any clock mark; far from both ends, so that no sum overflows.
  static constexpr timestamp long_ago = INT64_MIN / 2;
  static constexpr std::size_t max_held = 32'768;
  static constexpr std::size_t max_losses = 32;
  static constexpr std::size_t max_coverages = 4'096;

  std::shared_ptr<const bar_plan> plan;
  std::uint32_t token;

  // Ticks that others may still have to be put in front of, in tick order; empty: open_until is 0.
  std::vector<bar_tick> held;
  timestamp open_until = 0;  ///< close of the session that the last held tick is in; 0 when in none
  timestamp late_floor =
      long_ago;  ///< a bar is final when its end is at or below: watermark - lateness
  timestamp closed_floor = long_ago;  ///< bars that end at or below have been given out
  timestamp close_at = never;
  std::uint64_t digest = 0;  ///< of the last packet; 0 is none
  bool expect_duplicate = false;

  // What marks said.
  timestamp watermark = long_ago;
  bool known = false;  ///< a tick came or a subscription named the instrument
  bool subscribed = false;
  bool dropped = false;           ///< by its own wish: a subscription was taken back
  timestamp lost_from = never;    ///< the feed is lost at present
  timestamp lost_told = never;    ///< as feed_loss::told
  std::vector<feed_loss> losses;  ///< of the present trading day
  std::vector<feed_coverage> coverages{feed_coverage{}};  ///< the last is in force
  std::uint16_t first_coverage = 0;
  bool coverage_used = false;  ///< by a tick: the one in force

  bar_zone zone;                       ///< of the tick last looked at
  timestamp outside_clock = long_ago;  ///< newest tick outside of sessions, where no marks may come
  tick_key folded;                     ///< of the last tick given to `fold`
  bar_fold fold;
  tick_history history;  ///< what was given to `fold` within the horizon
  revision_book revised;
  counters count;

  state(std::shared_ptr<const bar_plan> p, std::uint32_t t)
      : plan(std::move(p)), token(t), fold(plan->timeframes) {}

  void apply(const mark& m, std::vector<closed_bar>& out) {
    if (m.kind != mark_kind::clock) return apply_news(m);
    advance(m.time);
    if (watermark >= close_at) close(m.position, out);
  }
  /// Holds the ticks at the front that need no second look, and applies the clock marks in front of
  /// each, from `m` on; stops at the first mark that could close a bar or tells news. Returns how
  /// many ticks it took.
  std::size_t take_plain(std::span<const bar_input> ticks, std::span<const mark>::iterator& m,
                         std::span<const mark>::iterator marks_end);
  void take_carefully(const bar_input& t, std::uint64_t previous_digest,
                      std::vector<closed_bar>& out);
  void advance(timestamp clock) {
    if (clock <= watermark) return;
    watermark = clock;
    late_floor = clock - plan->lateness;
  }

  /// What a loaded state must satisfy to be safe to go on with.
  [[nodiscard]] bool is_consistent() const;
  /// Gives `held` a capacity that it also has when it grows by itself.
  void round_capacity();

  [[nodiscard]] bar_fold folded_to_the_end() const;
  [[nodiscard]] bar finished(const bar_sums& sums) const;

 private:
  [[nodiscard]] bool comes_too_late(const bar_input& t) const;
  [[nodiscard]] bool is_settled(const bar_input& t) const;
  void put_in_place(const bar_tick& t, std::vector<closed_bar>& out);
  [[nodiscard]] bar_fold fold_again(std::size_t stretch, bool renew);
  [[nodiscard]] std::vector<closed_bar> final_bars(const bar_fold& f, position cause) const;
  void revise(const bar_fold& was, const bar_fold& is, position cause,
              std::vector<closed_bar>& out);
  [[nodiscard]] bar_tick with_coverage(const bar_input& t) {
    coverage_used = true;
    return {t.time, t.volume_or_size, t.seq, t.last, t.oi, t.epoch, current_coverage(), t.fields};
  }
  void make_room();
  void fold_front(std::size_t count);
  void fold_into(bar_fold& f, std::span<const bar_tick> ticks) const;
  void fold_what_is_settled();
  void close(position cause, std::vector<closed_bar>& out);
  [[nodiscard]] bool is_unfinished(const revised_bar& r) const;
  [[nodiscard]] timestamp first_close() const;

  void apply_news(const mark& m);
  void on_gap(const mark& m);
  void on_subscription(const mark& m);
  void lose(timestamp from, timestamp to);
  void cover(feed_coverage c);
  void forget_coverages();
  [[nodiscard]] std::uint16_t current_coverage() const {
    return static_cast<std::uint16_t>(first_coverage + coverages.size() - 1);
  }
  [[nodiscard]] const feed_coverage& coverage_of(const bar_tick& t) const {
    return coverages[static_cast<std::uint16_t>(t.coverage - first_coverage)];
  }
  [[nodiscard]] duration horizon() const {
    return std::max(plan->revision_horizon, plan->lateness);
  }
  [[nodiscard]] timestamp settled_floor() const {
    return std::max(watermark, outside_clock) - plan->lateness - hold_margin;
  }
};

}  // namespace artham::market

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actors/ingest/feed_event.hpp"
#include "actors/ingest/market_clock.hpp"
#include "feed/feed.hpp"
#include "market/formula/formula_engine.hpp"
#include "messages/record/record.hpp"

namespace artham::actors {

/// Records on their way into md:ticks that belong together.
struct record_batch {
  std::string bytes;
  std::uint64_t count = 0;
  std::vector<std::uint32_t> tokens;

  void clear() {
    bytes.clear();
    count = 0;
    tokens.clear();
  }
};

struct ingest_options {
  std::vector<market::calendar_ptr> calendars;
  market::duration clock_interval = 250 * market::millisecond;
  market::duration lateness = 3 * market::second;
  market::config_hashes hashes;
  /// Market time of the newest record of the run before; 0 for none.
  market::timestamp previous_time = 0;
  /// The feed goes on exactly where the journal ends (a recording that is resumed): no gap.
  bool continuous = false;
  std::shared_ptr<const market::formula::formula_plan> formulas =
      nullptr;  ///< null: there are none
  market::duration formula_stale = market::minute;
};

/// Turns what a feed says into the records of md:ticks: an epoch at the start, frames as they came,
/// behind each the ticks of the formulas that follow from it, and marks for time, gaps, sessions
/// and subscriptions. A loss of one of several connections names its instruments: the others' are
/// not lost. Pure: no actor, no clock, no I/O.
class ingest_log {
 public:
  struct counters {
    std::uint64_t ticks = 0;
    std::uint64_t frames = 0;
    std::uint64_t gaps = 0;
    std::uint64_t clock_marks = 0;
    std::uint64_t dropped_ticks = 0;  ///< in frames that the journal had no room for
    std::uint64_t dropped_frames = 0;
  };
  struct formula_counters {
    std::uint64_t ticks = 0;
    std::uint64_t silent = 0;  ///< frames with a leg that made no tick
  };

  ingest_log(ingest_options options, const feed::decoder& decoder);

  /// Appends what `e` makes to `out`, perhaps nothing.
  void on(const feed_event& e, record_batch& out);

  /// The frame of the last event was not journaled: takes it back out of the batch.
  void drop(record_batch& batch);
  /// The journal had no room for what the last event made, and has none until `resume`. Appends the
  /// mark that says so. `kept`: those records found a place all the same; else they were a frame,
  /// which is dropped. Frames that come from now on are dropped and counted.
  void lose(std::string detail, bool kept, record_batch& out);
  /// The journal has room again: appends how long the loss was and what changed meanwhile.
  void resume(record_batch& out);
  [[nodiscard]] bool is_losing() const { return losing_; }

  [[nodiscard]] const counters& counts() const { return counts_; }
  /// In the order of the formulas.
  [[nodiscard]] std::vector<formula_counters> formula_counts() const;
  [[nodiscard]] market::timestamp market_time() const { return market_time_; }

 private:
  void begin(const feed_event& e, record_batch& out);
  void move_time(const feed_event& e, record_batch& out);
  void put_frame(const feed_event& e, const frame_event& f, record_batch& out);
  void put_formulas(std::string_view frame, market::timestamp wall, record_batch& out);
  void on_while_losing(const feed_event& e);
  /// Of a connection, or of all of them.
  struct loss {
    market::timestamp from = 0;
    market::gap_cause cause = market::gap_cause::none;
    std::string detail;
    std::optional<std::vector<std::uint32_t>> tokens;  ///< nothing: all
  };

  void on_state(const feed_event& e, const feed::state_change& s, record_batch& out);
  /// What the change says is lost from now on; null: nothing that is not lost already.
  const loss* note_loss(const feed::state_change& s);
  /// Takes out the loss that the connection's being live ends.
  std::optional<loss> take_loss(std::uint32_t connection);
  /// What is asked for comes from where it was asked for: it is not lost any more.
  void note_subscribed(std::vector<std::uint32_t> tokens);
  void put(market::mark m, record_batch& out);
  void put_loss_begins(const loss& l, market::timestamp at, record_batch& out);
  /// The loss from its beginning until now.
  [[nodiscard]] market::mark whole_loss(loss l) const;
  void put_clocks(market::timestamp wall, record_batch& out);

  ingest_options options_;
  const feed::decoder& decoder_;
  market_clock clock_;
  counters counts_;
  market::timestamp market_time_ = 0;
  bool begun_ = false;
  bool after_restart_ = false;            ///< the feed's first connection ended a loss by restart
  std::optional<loss> restart_;           ///< not over yet
  std::set<std::uint32_t> connected_;     ///< connections that are live
  std::map<std::uint32_t, loss> losses_;  ///< by connection
  std::vector<bool> session_open_;        ///< per calendar

  market::timestamp before_ = 0;  ///< market time in front of the last event
  market::timestamp wall_ = 0;    ///< of the last event
  bool losing_ = false;
  market::timestamp losing_from_ = 0;
  std::string losing_why_;
  std::vector<market::mark> losses_over_;  ///< of those that began before, not yet told
  struct wish {
    market::tick_mode mode;
    bool added;
  };
  std::map<std::uint32_t, wish> subscriptions_;  ///< changed meanwhile, not yet told

  std::vector<market::timestamp> due_;

  std::optional<market::formula::formula_engine> formulas_;
  std::vector<std::uint64_t> formula_ticks_;       ///< made, by formula
  std::uint16_t frame_ticks_ = 0;                  ///< packets of the last frame
  std::vector<market::bar_input> frame_formulas_;  ///< what formulas made of it
  std::vector<market::quote> quotes_;
};

}  // namespace artham::actors

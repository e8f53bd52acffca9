#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/ingest/feed_event.hpp"
#include "actors/ingest/market_clock.hpp"
#include "feed/feed.hpp"
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
};

/// Turns what a feed says into the records of md:ticks: an epoch at the start, frames as they came,
/// and marks for time, gaps, sessions and subscriptions. Pure: no actor, no clock, no I/O.
class ingest_log {
 public:
  struct counters {
    std::uint64_t ticks = 0;
    std::uint64_t frames = 0;
    std::uint64_t gaps = 0;
    std::uint64_t clock_marks = 0;
  };

  ingest_log(ingest_options options, const feed::decoder& decoder);

  /// Appends what `e` makes to `out`, perhaps nothing.
  void on(const feed_event& e, record_batch& out);

  [[nodiscard]] const counters& counts() const { return counts_; }
  [[nodiscard]] market::timestamp market_time() const { return market_time_; }

 private:
  void begin(const feed_event& e, record_batch& out);
  void move_time(const feed_event& e, record_batch& out);
  void on_state(const feed_event& e, const feed::state_change& s, record_batch& out);
  void put(market::mark m, record_batch& out);
  void put_clocks(market::timestamp wall, record_batch& out);

  ingest_options options_;
  const feed::decoder& decoder_;
  market_clock clock_;
  counters counts_;
  market::timestamp market_time_ = 0;
  bool begun_ = false;
  bool connected_ = false;
  market::timestamp lost_at_ = 0;  ///< 0: not lost
  market::gap_cause lost_cause_ = market::gap_cause::none;
  std::string lost_detail_;
  std::vector<bool> session_open_;  ///< per calendar
  std::vector<market::timestamp> due_;
};

}  // namespace artham::actors

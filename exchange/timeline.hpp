#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exchange/source.hpp"
#include "market/calendar.hpp"

namespace artham::exchange {

/// The next thing that the exchange does.
struct step {
  enum class kind : std::uint8_t { clock, frame, end };
  step::kind what = kind::end;
  market::timestamp at = 0;  ///< market time
  bool jump =
      false;  ///< market time leaps there (over a night, to the end of a recording): no waiting
  bool new_day = false;  ///< a trading day begins
};

/// What happens in which order: the source's frames, and market time at every multiple of the clock
/// interval, before the frames of the same moment. A day ends with a clock step at its last
/// session's close + lateness + 1 s, then market time leaps to the next. Knows no wall clock.
class timeline {
 public:
  /// `calendars`: those of the instruments that the source has. Clocks that keep hours end at
  /// `until`.
  timeline(std::unique_ptr<exchange::source> s, std::vector<market::calendar_ptr> calendars,
           market::duration clock_interval, market::duration lateness,
           market::timestamp until = market::never);

  /// Market time reached.
  [[nodiscard]] market::timestamp now() const { return now_; }
  [[nodiscard]] const step& upcoming() const { return upcoming_; }
  /// Does the upcoming step; gives its frame, if it is one.
  std::string take();
  [[nodiscard]] const exchange::source& source() const { return *source_; }

 private:
  [[nodiscard]] step find_next();
  [[nodiscard]] market::timestamp next_clock() const { return (now_ / interval_ + 1) * interval_; }
  /// When the present day's last session has been over for lateness + 1 s; 0 if the day has none.
  [[nodiscard]] market::timestamp day_end() const;
  [[nodiscard]] bool same_day(market::timestamp t) const;
  /// Where the day of a frame at t begins for the clock.
  [[nodiscard]] market::timestamp day_start(market::timestamp t) const;

  std::unique_ptr<exchange::source> source_;
  std::vector<market::calendar_ptr> calendars_;
  market::duration interval_;
  market::duration lateness_;
  market::timestamp until_;
  market::timestamp now_;
  step upcoming_;
  mutable market::timestamp cached_begin_ = 0;  ///< of the day whose end is cached
  mutable market::timestamp cached_end_ = 0;
  mutable market::timestamp cached_day_end_ = 0;
};

}  // namespace artham::exchange

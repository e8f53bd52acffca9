#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "feed/feed.hpp"
#include "market/calendar.hpp"
#include "market/time.hpp"

namespace artham::feed::kite {

struct stall_options {
  market::duration least = 10 * market::second;  ///< no shorter silence is a stall; 0: none ever is
  int factor = 3;  ///< a stall is this many times the longest silence that is usual
  /// The least while it is not known what is usual: until ticks were heard for this long.
  market::duration start = 60 * market::second;
};

/// Decides when a connection that is alive ought to have brought a tick: learns how long it is
/// usually silent and says so when it is much longer. Pure: no clock, no I/O.
///
/// - What is usual is learned per phase of the day, which is the set of those calendars of what the
///   connection has whose session is on. While none is, nothing is expected.
/// - A silence counts in market time, and must also be `least` long on the host's clock: market
///   time of a recording may run fast, and that of a host that slept leaps.
/// - Each stall doubles the silence that makes the next one, up to 64-fold, until a connection has
///   brought ticks over that long.
class tick_watch {
 public:
  /// `calendars`: all that may come, 32 at most, each of which counts until `counts` says
  /// otherwise; without any nothing is expected.
  tick_watch(stall_options options, std::vector<market::calendar_ptr> calendars);

  /// From now on the connection has instruments of these calendars only.
  void counts(const std::set<market::calendar_ptr>& calendars, market::timestamp now);
  /// A new connection begins. `steady` here and below: nanoseconds of a clock that only goes on.
  void connected(market::timestamp now, std::int64_t steady);
  /// A frame with ticks came.
  void heard(market::timestamp now, std::int64_t steady);
  /// Reading went on after a pause of our own.
  void resumed(std::int64_t steady) { heard_steady_ = steady; }
  /// True when the connection is to be given up; that is a stall and counts as one.
  [[nodiscard]] bool stalled(market::timestamp now, std::int64_t steady);

  /// Market time of the last tick of this connection, else that of its beginning.
  [[nodiscard]] market::timestamp last_heard() const { return last_ != 0 ? last_ : connected_; }
  [[nodiscard]] tick_expectation expectation(market::timestamp now);

 private:
  /// Silences between ticks, of about the last hour that had any.
  class history {
   public:
    void add(market::duration silence);
    [[nodiscard]] market::duration longest() const;
    [[nodiscard]] market::duration span() const;
    [[nodiscard]] std::int64_t count() const;

   private:
    struct slice {
      market::duration longest = 0;
      market::duration span = 0;
      std::int64_t count = 0;
    };
    std::array<slice, 6> slices_;
    std::size_t newest_ = 0;
  };

  /// One bit per calendar that counts and whose session is on.
  std::uint32_t phase_at(market::timestamp t);
  [[nodiscard]] market::duration limit() const;

  stall_options options_;
  std::vector<market::calendar_ptr> calendars_;
  std::uint32_t counting_ = ~std::uint32_t{0};  ///< one bit per calendar
  std::map<std::uint32_t, history> histories_;
  std::uint32_t phase_ = 0;
  market::timestamp phase_since_ = 0;
  market::timestamp phase_checked_ = 0;
  market::timestamp phase_until_ = 0;
  market::timestamp connected_ = 0;
  market::timestamp last_ = 0;  ///< of this connection; 0: none yet
  std::int64_t heard_steady_ = 0;
  int doublings_ = 0;
};

}  // namespace artham::feed::kite

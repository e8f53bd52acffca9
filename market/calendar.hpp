#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market/error.hpp"
#include "market/time.hpp"

namespace artham::market {

/// One stretch of continuous trading.
struct session {
  timestamp open = 0;   ///< inclusive
  timestamp close = 0;  ///< exclusive
  date trading_date;
  bool is_short = false;  ///< shorter than the same session of a regular day
  friend bool operator==(const session&, const session&) = default;
};

/// All that happens on one trading date, in UTC. A tick belongs to the trading day in whose
/// [begin, end) it lies; pre-open and after-close ticks do too, without belonging to a session.
struct trading_day {
  date trading_date;
  timestamp begin =
      0;  ///< local midnight, or where the previous trading date's overnight session ended
  timestamp end = 0;
  std::vector<session> sessions;  ///< in order; empty on a holiday
};

/// A calendar as written in a data file, before it is compiled. Times of day are nanoseconds since
/// local midnight and may exceed 24 h.
struct calendar_spec {
  struct hours {
    duration open = 0;
    duration close = 0;
    friend bool operator==(const hours&, const hours&) = default;
  };
  struct regular {
    date from;  ///< in force from this date (inclusive) until the next entry's
    std::vector<hours> sessions;
  };
  struct offset {
    timestamp from;  ///< UTC instant of the change
    duration utc;    ///< local = UTC + this
  };
  std::string name;
  std::vector<offset> offsets;     ///< ordered; the first also applies before it
  std::vector<int> weekend{5, 6};  ///< weekdays without trading, 0 is Monday
  std::vector<regular> regulars;   ///< ordered by date
  std::map<date, std::string> holidays;
  std::map<date, std::vector<hours>>
      specials;      ///< replace the regular sessions, weekends and holidays included
  date first, last;  ///< the dates for which the file claims to be complete
};

/// Sessions of one market segment, from a data file; knows no clock. Immutable, so that threads may
/// share it. Dates before the first regular entry use that entry.
class calendar {
 public:
  /// Refuses overlapping or empty sessions and entries out of order, naming the date.
  [[nodiscard]] static result<calendar> make(calendar_spec spec);

  [[nodiscard]] const std::string& name() const { return spec_.name; }
  [[nodiscard]] const calendar_spec& spec() const { return spec_; }
  /// Local time minus UTC at `t`.
  [[nodiscard]] duration utc_offset(timestamp t) const;
  [[nodiscard]] date local_date(timestamp t) const;
  [[nodiscard]] trading_day day_of(timestamp t) const;
  [[nodiscard]] trading_day day(date d) const;
  /// The session that contains `t`, if any.
  [[nodiscard]] std::optional<session> session_at(timestamp t) const;
  /// The first session with close > t; looks at most 30 days ahead.
  [[nodiscard]] std::optional<session> next_session(timestamp t) const;
  [[nodiscard]] bool is_trading_date(date d) const;

 private:
  explicit calendar(calendar_spec spec);

  [[nodiscard]] std::size_t offset_index(timestamp t) const;
  /// The instant of a local wall-clock time; the later one where the clock is turned back.
  [[nodiscard]] timestamp to_utc(date d, duration time_of_day) const;
  [[nodiscard]] const calendar_spec::regular& regular_of(date d) const;
  [[nodiscard]] std::span<const calendar_spec::hours> hours_of(date d) const;
  [[nodiscard]] session make_session(date d, std::span<const calendar_spec::hours> list,
                                     std::size_t index) const;
  [[nodiscard]] timestamp begin_of(date d) const;
  /// The trading date to which `t` belongs.
  [[nodiscard]] date date_of(timestamp t) const;

  calendar_spec spec_;
  /// For each date from `first_exception_` on: none, holiday, or an index into `special_hours_`.
  std::vector<std::uint32_t> exceptions_;
  date first_exception_;
  std::vector<std::vector<calendar_spec::hours>> special_hours_;
  bool crosses_midnight_ = false;
};

using calendar_ptr = std::shared_ptr<const calendar>;

}  // namespace artham::market

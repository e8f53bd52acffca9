#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "market/bar_aggregator.hpp"

/// What the tests of bars share: calendars and plans, a stream written record by record, and a
/// reference that computes bars from all records at once.
namespace bar_test {

using namespace artham;
using namespace artham::market;

inline constexpr std::uint32_t token = 256'265;

calendar_ptr nse();               ///< 09:15-15:30 in India; 2025-12-31 only 18:00-19:00
calendar_ptr nyse_in_summer();    ///< 09:30-16:00 at UTC-4
calendar_ptr around_the_clock();  ///< UTC
calendar_ptr two_sessions();      ///< 09:00-12:00 and 13:00-15:30 in India, every day

std::shared_ptr<const bar_plan> make_plan(std::string_view timeframes, calendar_ptr cal = nse(),
                                          duration lateness = 3 * second);

/// This time of day in India on 2025-12-29, a Monday, or days later: at("09:15:01.5").
timestamp at(std::string_view time_of_day, int days_later = 0);

/// Records of one stream, in order; each takes the next position.
class stream {
 public:
  std::vector<bar_input> ticks;
  std::vector<market::mark> marks;

  bar_input& tick(timestamp time, std::string_view last);
  bar_input& tick(timestamp time, std::string_view last, std::int64_t volume);
  bar_input& traded(timestamp time, std::string_view last, std::int64_t size);
  void clock(timestamp time);
  void gap_begins(timestamp from, std::vector<std::uint32_t> tokens = {});
  void gap(timestamp from, timestamp to, std::vector<std::uint32_t> tokens = {});
  void subscribed(timestamp time, std::vector<std::uint32_t> tokens = {token});
  void unsubscribed(timestamp time, std::vector<std::uint32_t> tokens = {token});
  void restart(timestamp time);
  [[nodiscard]] position next() const { return next_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  market::mark& add_mark(mark_kind kind, timestamp time);
  position take();
  position next_{1, 1};
  std::uint64_t size_ = 0;
};

/// All records at once.
std::vector<closed_bar> closed_by(bar_aggregator& a, const stream& s);
std::vector<closed_bar> closed_by(std::shared_ptr<const bar_plan> plan, const stream& s);
/// Only those of the timeframe with this text.
std::vector<bar> only(std::string_view timeframe, const bar_plan& plan,
                      const std::vector<closed_bar>& all);

/// Bars, by the rules told in docs/bars.md, from ticks that are neither duplicate, ahead nor late,
/// each bar from scratch; sorted by (timeframe, start).
std::vector<closed_bar> reference(const bar_plan& plan, std::vector<bar_input> ticks,
                                  const std::vector<market::mark>& marks);

/// The last revision of each bar that was not withdrawn, as if it had been final with all its ticks
/// from the start: by (timeframe, start), without revision, cause and `late`.
std::vector<closed_bar> in_the_end(const std::vector<closed_bar>& bars);

/// Sorted by (timeframe, start).
std::vector<closed_bar> by_start(std::vector<closed_bar> bars);
std::string text(const bar& b);
/// First difference, empty when equal.
std::string difference(const std::vector<closed_bar>& a, const std::vector<closed_bar>& b);

inline bool has(const bar& b, bar_flag f) {
  return (b.flags & static_cast<std::uint16_t>(f)) != 0;
}
inline bool knows(const bar& b, bar::field f) {
  return (b.fields & f) != 0;
}

}  // namespace bar_test

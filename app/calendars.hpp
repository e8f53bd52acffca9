#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/session/instrument_index.hpp"
#include "market/bar_aggregator.hpp"
#include "market/calendar.hpp"
#include "market/error.hpp"

namespace artham::app {

/// Calendars by name, and the texts that they were read from.
struct calendar_set {
  std::map<std::string, market::calendar_ptr, std::less<>> by_name;
  std::string text;  ///< of all, to be kept and hashed: see `read_calendar_set`
};

/// All calendars that are part of the program, or only the named ones.
[[nodiscard]] result<calendar_set> load_calendar_set(std::span<const std::string_view> names);
/// The other way round: from the text that was kept.
[[nodiscard]] result<calendar_set> read_calendar_set(std::string_view text);

/// The calendar of each exchange; where none fits, any. The set outlives what is returned.
[[nodiscard]] std::function<market::calendar_ptr(std::string_view)> calendar_by_exchange(
    const calendar_set& calendars);

/// Timeframes and rules for each instrument. Plans of instruments with the same calendar are one
/// object.
class plan_book {
 public:
  /// Each plan is `rules` with a calendar. With `only`, all instruments trade by that one.
  plan_book(const market::bar_plan& rules, const calendar_set& calendars,
            std::shared_ptr<const actors::instrument_index> instruments,
            market::calendar_ptr only = nullptr);

  [[nodiscard]] std::shared_ptr<const market::bar_plan> of(std::uint32_t token) const;
  [[nodiscard]] const market::calendar& calendar_of(std::uint32_t token) const;

 private:
  std::map<const market::calendar*, std::shared_ptr<const market::bar_plan>> plans_;
  std::shared_ptr<const actors::instrument_index> instruments_;
  market::calendar_ptr only_;
};

[[nodiscard]] market::content_hash sha256(std::string_view content);
[[nodiscard]] std::string hex(const market::content_hash& h);

}  // namespace artham::app

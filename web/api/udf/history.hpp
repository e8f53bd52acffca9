#pragma once

#include <optional>
#include <string>

#include "market/calendar.hpp"
#include "store/store.hpp"
#include "web/api/query.hpp"

namespace artham::web::udf {

/// What `/history` is asked for; times are those of chart_time.
struct history_request {
  std::string symbol;
  market::timeframe timeframe;
  std::int64_t from = 0;                 ///< inclusive
  std::int64_t to = 0;                   ///< exclusive
  std::optional<std::size_t> countback;  ///< so many bars before `to`, whatever `from` is
};

/// Bars of one answer at most; it has the newest.
inline constexpr std::size_t most_history = 20'000;

[[nodiscard]] result<history_request> read_history_request(
    const text_pairs& query, std::span<const market::timeframe> stored);

/// `{"s":"ok","t":[…],…}`, or `no_data` with the time of the bar before, if there is one.
[[nodiscard]] result<std::string> history_json(store::reader& reader, const history_request& asked,
                                               std::uint32_t token,
                                               const market::calendar_ptr& calendar);

/// Whole seconds since 1970. errc::bad_input.
[[nodiscard]] result<std::int64_t> read_seconds(const text_pairs& query, std::string_view name);

}  // namespace artham::web::udf

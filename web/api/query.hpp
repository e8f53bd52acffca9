#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"
#include "web/server/http.hpp"

/// Query parameters, read strictly: each error names the parameter, what it was and what is
/// accepted.
namespace artham::web {

/// Refuses parameters that are not among `known`, and any given twice.
[[nodiscard]] result<void> check_names(const text_pairs& query,
                                       std::initializer_list<std::string_view> known);

[[nodiscard]] std::optional<std::string_view> find_value(const text_pairs& query,
                                                         std::string_view name);

/// From 1 to `most`; `otherwise` when absent.
[[nodiscard]] result<std::size_t> read_count(const text_pairs& query, std::string_view name,
                                             std::size_t otherwise, std::size_t most);

/// RFC 3339, or integer microseconds since 1970 UTC; `otherwise` when absent. A `+` of an offset
/// that was not percent-encoded arrives as a space and is understood.
[[nodiscard]] result<market::timestamp> read_time(const text_pairs& query, std::string_view name,
                                                  market::timestamp otherwise);

/// What a query is about.
struct instrument_name {
  std::string key;
  std::optional<market::date> on;  ///< what the key meant on that day; none: means now
};
/// `instrument`, which must be there, and `on`.
[[nodiscard]] result<instrument_name> read_instrument(const text_pairs& query);

/// `timeframe`, which must be there: one of `stored`, or a period made of stored 1D bars.
[[nodiscard]] result<market::timeframe> read_timeframe(const text_pairs& query,
                                                       std::span<const market::timeframe> stored);

/// `timeframe` of the exchange's candles, which must be there and no period: any, as what was
/// fetched of them does not depend on what is stored. Nor do they have revisions: parameters that
/// ask for those are refused.
[[nodiscard]] result<market::timeframe> read_candle_timeframe(const text_pairs& query);

/// One of `choices`; the first when absent.
[[nodiscard]] result<std::string_view> read_choice(const text_pairs& query, std::string_view name,
                                                   std::initializer_list<std::string_view> choices);

}  // namespace artham::web

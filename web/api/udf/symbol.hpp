#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "market/calendar.hpp"
#include "market/instrument.hpp"
#include "market/timeframe.hpp"

namespace artham::web::udf {

/// `stock`, `index`, `futures`, `option` or, of what formulas make, `spread`.
[[nodiscard]] std::string_view type_of(const market::instrument& i);

/// Prices are multiples of minmov / pricescale.
struct price_format {
  std::int64_t minmov = 1;
  std::int64_t pricescale = 100;
};
[[nodiscard]] price_format price_format_of(const market::instrument& i);

/// Regular hours on a day as charts write them: `0915-1530:23456`, `24x7`.
[[nodiscard]] std::string session_of(const market::calendar& cal, market::date on);

/// All that a chart needs to know of an instrument.
[[nodiscard]] nlohmann::ordered_json symbol_json(const market::instrument& i,
                                                 const market::calendar& cal, market::date today,
                                                 std::span<const market::timeframe> stored);
/// A line of a search.
[[nodiscard]] nlohmann::ordered_json found_json(const market::instrument& i);

}  // namespace artham::web::udf

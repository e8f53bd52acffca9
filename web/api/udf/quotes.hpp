#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "web/api/last_tick.hpp"

namespace artham::web::udf {

/// The most symbols of one request.
inline constexpr std::size_t most_symbols = 500;

/// `NSE:INFY,NSE:SBIN`; errc::bad_input when there are none, or too many.
[[nodiscard]] result<std::vector<std::string>> read_symbols(std::string_view text);

/// The newest packets as charts' quotes; what is not known comes with an error in its place.
[[nodiscard]] result<std::string> quotes_json(const std::vector<std::string>& symbols,
                                              const quote_sources& from);

}  // namespace artham::web::udf

#pragma once

#include <cstdint>
#include <string>

#include "market/calendar.hpp"
#include "store/store.hpp"

namespace artham::web::udf {

struct marks_request {
  std::uint32_t token = 0;
  market::timeframe timeframe;
  std::int64_t from = 0;  ///< seconds, inclusive
  std::int64_t to = 0;    ///< inclusive
};

/// Marks or marks of the time scale of one answer at most; the newest.
inline constexpr std::size_t most_marks = 500;

/// On bars: those that were revised after they were final (`R`), and those in which the feed was
/// lost (`G`).
[[nodiscard]] result<std::string> marks_json(store::reader& reader, const marks_request& asked,
                                             const market::calendar& cal);
/// On the time scale: losses of the feed, and stops of the instrument's bars.
[[nodiscard]] result<std::string> timescale_marks_json(store::reader& reader,
                                                       const marks_request& asked,
                                                       const market::calendar& cal);

}  // namespace artham::web::udf

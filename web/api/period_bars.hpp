#pragma once

#include <cstddef>
#include <vector>

#include "market/calendar.hpp"
#include "market/indicator/indicator_set.hpp"
#include "store/store.hpp"

namespace artham::web {

struct served_bar {
  market::bar bar;
  bool final = true;  ///< of a week, month or year: no day of it is to come
  std::vector<market::indicator::value> indicators = {};  ///< in the order of those asked for
};

/// Bars of weeks, months and years, which are made of stored 1D bars when they are asked for.
/// What `q`, whose timeframe is a period, asks for: bars that start in [from, to), at most `limit`,
/// the oldest or the newest, in order of start.
[[nodiscard]] result<std::vector<served_bar>> read_period_bars(store::reader& reader,
                                                               const store::bar_query& q,
                                                               const market::calendar_ptr& cal);

}  // namespace artham::web

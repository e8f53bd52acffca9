#pragma once

#include <optional>
#include <vector>

#include "store/store.hpp"
#include "web/api/bar_indicators.hpp"
#include "web/api/period_bars.hpp"

/// Bars page by page: of the store, of the exchange, or made of days.
namespace artham::web {

struct bar_page {
  std::vector<served_bar> rows;          ///< in the order asked for
  std::optional<store::bar_place> next;  ///< where the next page goes on; none: that was all
};

/// Reads pages of one kind; blocks. A page goes on by the place where the one before ended, not by
/// a count, so none is missed or doubled when others are stored meanwhile.
class bar_pages {
 public:
  bar_pages(store::reader& reader, calendar_source calendar_of, bool official, bool descending,
            indicator_specs indicators)
      : reader_(reader),
        calendar_of_(std::move(calendar_of)),
        official_(official),
        descending_(descending),
        indicators_(std::move(indicators)) {}

  [[nodiscard]] result<bar_page> read(const store::bar_query& q) const;

 private:
  [[nodiscard]] result<std::vector<served_bar>> rows(const store::bar_query& q) const;

  store::reader& reader_;
  calendar_source calendar_of_;
  bool official_;
  bool descending_;
  indicator_specs indicators_;
};

}  // namespace artham::web

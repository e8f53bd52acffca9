#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "market/timeframe.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/migrations.hpp"

namespace artham::store::postgres {

/// What one partition or chunk of a table holds.
enum class period : std::uint8_t { day, month, year };
/// Of bars: a year for days, a month for all others.
[[nodiscard]] period period_of(market::timeframe tf);

/// `bars_5m`, as PostgreSQL spells it.
[[nodiscard]] std::string bar_table_name(market::timeframe tf);

/// The table of a timeframe and its view, made if they are not there: a hypertable in 8 space
/// partitions, or partitioned by month.
[[nodiscard]] outcome<void> make_bar_table(connection& c, const schema& s, market::timeframe tf);

/// Partitions that rows are about to need; with hypertables none. One thread at a time.
class partitions {
 public:
  explicit partitions(time_tables how) : how_(how) {}
  /// A row of this table is about to be written.
  void need(std::string_view table, period p, market::timestamp t);
  /// Makes what is needed and not known to be there, in a transaction of its own.
  [[nodiscard]] outcome<void> make(connection& c);
  /// Looks anew whether they are there.
  void forget() { known_.clear(); }

 private:
  struct partition {
    std::string table;
    std::string name;
    std::string from;
    std::string to;
    auto operator<=>(const partition&) const = default;
  };
  time_tables how_;
  std::set<std::string> known_;
  std::set<partition> needed_;
  std::string last_table_;
  period last_period_ = period::day;
  std::int32_t last_day_ = INT32_MIN;
};

}  // namespace artham::store::postgres

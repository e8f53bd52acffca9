#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.hpp"

/// All that a store holds, as it stands in its columns: for `artham verify`.
namespace artham::store {

/// The columns of a bar's row behind instrument and start, in the order of `audited_bar::values`.
inline constexpr std::array<std::string_view, 20> bar_columns{
    "revision", "bar_end_ts",  "open",        "high",          "low",
    "close",    "volume",      "oi",          "oi_change",     "vwap",
    "ticks",    "flags",       "first_epoch", "first_seq",     "last_epoch",
    "last_seq", "cause_epoch", "cause_seq",   "cause_ordinal", "instrument_id"};

/// One row of a bar table; an absent value is NULL.
struct audited_bar {
  std::int64_t token = 0;
  std::int64_t start = 0;
  std::array<std::optional<std::int64_t>, bar_columns.size()> values;
};
/// The row that a bar belongs in. instrument_id stays absent: only the store knows it.
[[nodiscard]] audited_bar as_row(const record::bar_record& r);
/// A value as people read it: prices in decimals, times at `utc_offset`, flags by name, `none`.
[[nodiscard]] std::string column_text(std::string_view column,
                                      const std::optional<std::int64_t>& value,
                                      market::duration utc_offset);

/// The other way round: the bar that stands in a row.
[[nodiscard]] record::bar_record as_record(const audited_bar& row);

/// A row that the database would not take: its record is in the journal, and nowhere else.
struct refused_row {
  std::string stream;
  record::position at;  ///< in md:ticks: of the tick, or of the record's cause
  std::uint32_t ordinal = 0;
  std::uint32_t token = 0;  ///< 0: of a chain
  std::string reason;
};

/// A candle and whose it is.
struct audited_candle {
  std::string source;
  market::timeframe timeframe;
  market::bar bar;
};

/// Everything that was committed when it was opened; changes nothing. Calls block.
class audit {
 public:
  virtual ~audit() = default;
  /// Timeframes that have a table, by length.
  [[nodiscard]] virtual result<std::vector<market::timeframe>> timeframes() = 0;
  /// Rows in the order of instrument token, start and revision. instrument_id is absent when it is
  /// that of an instrument with this token, as it should be. None without a table.
  [[nodiscard]] virtual result<void> for_each_bar(
      market::timeframe tf, const std::function<void(const audited_bar&)>& fn) = 0;
  /// Rows of the tick table in the order of seq; the packet is valid during the call.
  [[nodiscard]] virtual result<void> for_each_tick(
      const std::function<void(const tick_row&)>& fn) = 0;
  /// Calls return the next row, none behind the last.
  using feature_rows = std::function<result<std::optional<record::feature_record>>()>;
  /// Chains with their options, in the order of md:features. Valid as long as the audit.
  [[nodiscard]] virtual result<feature_rows> chains() = 0;
  /// Features of instruments, likewise.
  [[nodiscard]] virtual result<feature_rows> instrument_features() = 0;
  /// Rows in the order of md:deadletter.
  [[nodiscard]] virtual result<std::vector<quarantine_row>> quarantines() = 0;
  [[nodiscard]] virtual result<std::vector<stored_position>> positions() = 0;
  /// By stream and position.
  [[nodiscard]] virtual result<std::vector<refused_row>> refused() = 0;
  /// Retention removed the rows of a table (`ticks`, `bars_1m`) before this; 0: none.
  [[nodiscard]] virtual result<market::timestamp> kept_since(std::string_view table) = 0;
  /// Every version of every instrument, by id and date.
  [[nodiscard]] virtual result<std::vector<stored_instrument>> instruments() = 0;
  /// Losses of the feed, by position.
  [[nodiscard]] virtual result<std::vector<gap_row>> gaps() = 0;
  /// Of all sources, by source, instrument, timeframe and start.
  [[nodiscard]] virtual result<void> for_each_candle(
      const std::function<void(const audited_candle&)>& fn) = 0;
};

}  // namespace artham::store

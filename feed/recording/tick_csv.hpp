#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "feed/recording/line_reader.hpp"
#include "feed/recording/tick_row.hpp"
#include "market/error.hpp"

namespace artham::feed::recording {

/// Reads a tick CSV row by row in bounded memory. The header names the columns, in any order;
/// `exchange_timestamp`, `instrument_token` and `last_price` must be there. Times are RFC 3339 or
/// integer nanoseconds, prices exact decimals of at most nine digits; an empty cell of an optional
/// column is absent. Cells may be quoted (RFC 4180), without line breaks inside. Every error is one
/// line that names file, line, column and text.
class tick_csv_reader {
 public:
  struct options {
    /// Sizes and volumes are read as integers of 10^-quantity_digits, 0 to 18. Open interest stays
    /// a whole number; depth is not read unless this is 0, as its quantities have 32 bits.
    int quantity_digits = 0;
    /// With `sizes` the column last_traded_quantity must be there.
    volume_use volume = volume_use::cumulative;
  };

  /// Opens the file and reads its header.
  [[nodiscard]] static result<tick_csv_reader> open(const std::string& path, options o);
  [[nodiscard]] static result<tick_csv_reader> open(const std::string& path);

  /// The next row; nothing at the end. Not to be called again after an error.
  [[nodiscard]] result<std::optional<tick_row>> next();

  [[nodiscard]] const std::string& path() const { return lines_.path(); }
  /// The columns that the header has, of those that artham reads.
  [[nodiscard]] const column_set& columns() const { return columns_; }
  /// Names in the header that nothing is read from.
  [[nodiscard]] const std::vector<std::string>& ignored_columns() const { return ignored_; }

 private:
  tick_csv_reader(line_reader lines, options o) : lines_(std::move(lines)), options_(o) {}

  [[nodiscard]] result<void> read_header();
  /// Splits a line into cells_.
  [[nodiscard]] result<void> split(std::string_view line);
  [[nodiscard]] result<void> read_cell(column_index c, std::string_view text, tick_row& row) const;
  [[nodiscard]] tl::unexpected<error> refuse(const std::string& why) const;

  line_reader lines_;
  options options_;
  column_set columns_;
  std::vector<std::optional<column_index>> layout_;  ///< per cell of a line; none: ignored
  std::vector<std::string> ignored_;
  std::vector<std::string_view> cells_;  ///< of the present line
  std::string unquoted_;                 ///< text of cells that had quotes
};

/// Appends the header line for `columns`, in the order of column_index.
void append_csv_header(std::string& out, const column_set& columns);
/// Appends the row's cells of `columns`, empty where the row has none. Reading it with
/// quantity_digits 0 gives the same row.
void append_csv_row(std::string& out, const tick_row& row, const column_set& columns);

}  // namespace artham::feed::recording

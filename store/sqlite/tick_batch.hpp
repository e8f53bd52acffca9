#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <span>
#include <vector>

#include "store/store.hpp"

namespace artham::store::sqlite {

/// Rows in memory as a table of one connection, `new_ticks` with the columns of `ticks`: one
/// INSERT … SELECT stores them all, without a statement and its bindings per row.
class tick_batch {
 public:
  /// Makes the table known to the connection, which must not outlive this object.
  explicit tick_batch(SQLite::Database& db);
  tick_batch(const tick_batch&) = delete;
  tick_batch& operator=(const tick_batch&) = delete;

  /// What the table holds until `clear`; the packets must live as long.
  void fill(std::span<const tick_row> rows, std::vector<std::int64_t> instrument_ids);
  void clear();

  [[nodiscard]] std::span<const tick_row> rows() const { return rows_; }
  [[nodiscard]] std::int64_t instrument_id(std::size_t row) const { return ids_[row]; }

 private:
  std::span<const tick_row> rows_;
  std::vector<std::int64_t> ids_;
};

}  // namespace artham::store::sqlite

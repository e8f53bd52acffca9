#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <span>

#include "store/instrument_versions.hpp"
#include "store/store.hpp"

namespace artham::store::sqlite {

/// The point-in-time instrument table and its picture in memory.
class instrument_archive {
 public:
  explicit instrument_archive(SQLite::Database& db);

  /// In the caller's transaction. See writer::put_instruments.
  void put(std::span<const market::instrument> list, market::date valid_from);
  /// The id of a token on a date; a row named by the token is made when nothing is known of it.
  [[nodiscard]] std::int64_t id(std::uint32_t token, market::timestamp t);
  /// Reads the table anew, after a transaction was rolled back.
  void reload();

 private:
  void insert(const stored_instrument& row);

  SQLite::Database& db_;
  instrument_versions versions_;
};

/// The row's columns in the order of `instrument_columns`.
[[nodiscard]] stored_instrument read_instrument(SQLite::Statement& row);
inline constexpr const char* instrument_columns =
    "instrument_id, valid_from, valid_to, instrument_token, exchange_token, exchange, "
    "tradingsymbol, name, expiry, strike, "
    "tick_size, lot_size, instrument_type, segment";

}  // namespace artham::store::sqlite

#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "store/store.hpp"

namespace artham::store::sqlite {

/// The point-in-time instrument table and its picture in memory: which instrument_id a token means
/// on a date.
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
  struct version {
    std::int64_t id;
    std::int32_t from;
    std::int32_t to;  ///< exclusive; INT32_MAX: in force
    market::instrument instrument;
  };
  using identity = std::tuple<std::string, std::string, std::int32_t>;

  void insert(std::int64_t id, const market::instrument& i, market::date from);
  [[nodiscard]] static identity identity_of(const market::instrument& i);

  SQLite::Database& db_;
  std::map<identity, version> newest_;                                ///< per identity
  std::unordered_map<std::uint32_t, std::vector<version>> by_token_;  ///< without `instrument`
  struct cached {
    std::int32_t day;
    std::int64_t id;
  };
  std::unordered_map<std::uint32_t, cached> cache_;
  std::int64_t next_id_ = 1;
};

/// The row's columns in the order of `instrument_columns`.
[[nodiscard]] stored_instrument read_instrument(SQLite::Statement& row);
inline constexpr const char* instrument_columns =
    "instrument_id, valid_from, valid_to, instrument_token, exchange_token, exchange, "
    "tradingsymbol, name, expiry, strike, "
    "tick_size, lot_size, instrument_type, segment";

}  // namespace artham::store::sqlite

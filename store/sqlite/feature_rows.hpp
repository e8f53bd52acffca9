#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <functional>
#include <span>

#include "messages/record/feature_codec.hpp"
#include "store/sqlite/insert.hpp"
#include "store/store.hpp"

/// md:features as rows of chain_features, option_greeks and instrument_features.
namespace artham::store::sqlite {

/// Inserts records in the caller's transaction; those that are there stay as they are.
class feature_inserts {
 public:
  explicit feature_inserts(SQLite::Database& db);
  /// `id_of` says which instrument a token means at a time.
  void write(std::span<const record::feature_record> records,
             const std::function<std::int64_t(std::uint32_t token, market::timestamp t)>& id_of);

 private:
  void write_chain(const record::feature_record& r,
                   const std::function<std::int64_t(std::uint32_t, market::timestamp)>& id_of);

  SQLite::Database& db_;
  insert_statement chains_;
  insert_statement options_;
  insert_statement instruments_;
};

/// Columns that the read functions want first in their row, comma-separated.
extern const std::string chain_columns;
extern const std::string option_columns;
extern const std::string instrument_feature_columns;

/// A chain without its options; the row's first column is chain_id, `chain_columns` follow.
[[nodiscard]] record::feature_record read_chain(SQLite::Statement& row);
/// `first`: where `option_columns` begin in the row.
[[nodiscard]] market::feature::option_row read_option(SQLite::Statement& row, int first);
[[nodiscard]] record::feature_record read_instrument_feature(SQLite::Statement& row);
/// The options of a chain, as they were written.
[[nodiscard]] std::vector<market::feature::option_row> read_options(SQLite::Database& db,
                                                                    std::int64_t chain_id);

}  // namespace artham::store::sqlite

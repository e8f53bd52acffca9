#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "store/sqlite/feature_rows.hpp"
#include "store/sqlite/insert.hpp"
#include "store/sqlite/instrument_archive.hpp"
#include "store/sqlite/tick_batch.hpp"
#include "store/store.hpp"

namespace artham::store::sqlite {

/// The writing connection.
class sqlite_writer final : public writer {
 public:
  sqlite_writer(SQLite::Database& db, bool tick_table);

  result<commit_report> commit(const batch& b) override;
  [[nodiscard]] result<std::optional<stored_position>> position(std::string_view consumer,
                                                                std::string_view stream,
                                                                std::uint32_t shard) override;
  result<void> put_instruments(std::span<const market::instrument> list,
                               market::date valid_from) override;
  result<void> put_bars(market::timeframe tf, std::span<const record::bar_record> bars) override;
  result<candle_counts> put_candles(std::string_view source, market::timeframe tf,
                                    std::span<const market::bar> candles) override;

 private:
  [[nodiscard]] std::optional<stored_position> read_position(std::string_view consumer,
                                                             std::string_view stream,
                                                             std::uint32_t shard);
  void write_ticks(std::span<const tick_row> rows);
  void write_bars(market::timeframe tf, std::span<const record::bar_record> bars);
  void write_gaps(std::span<const market::mark> marks);
  void write_quarantines(std::span<const quarantine_row> rows);
  /// Runs fn in a transaction; when it fails, what was made up in it is forgotten.
  result<void> in_transaction(const std::function<result<void>()>& fn);
  void write_position(const stored_position& p);
  SQLite::Statement& statement(const std::string& sql);
  insert_statement& insert(const std::string& sql);

  SQLite::Database& db_;
  bool tick_table_;
  instrument_archive instruments_;
  tick_batch new_ticks_;
  feature_inserts features_;
  std::map<std::string, std::unique_ptr<SQLite::Statement>> statements_;
  std::map<std::string, std::unique_ptr<insert_statement>> inserts_;
};

}  // namespace artham::store::sqlite

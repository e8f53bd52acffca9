#include "store/sqlite/database.hpp"
#include "store/bar_tables.hpp"

#include <string>
#include <utility>

#include "store/sqlite/connection.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/reader.hpp"
#include "store/sqlite/writer.hpp"

namespace artham::store::sqlite {

namespace {

constexpr int busy_timeout_ms = 5000;

void make_bar_table(SQLite::Database& db, market::timeframe tf) {
  const auto table = bar_table(tf);
  db.exec(
      "CREATE TABLE IF NOT EXISTS " + table +
      " (instrument_id INTEGER NOT NULL, bar_start_ts INTEGER NOT NULL, revision INTEGER NOT NULL, "
      "instrument_token INTEGER NOT NULL, bar_end_ts INTEGER NOT NULL, open INTEGER NOT NULL, high "
      "INTEGER NOT NULL, "
      "low INTEGER NOT NULL, close INTEGER NOT NULL, volume INTEGER, oi INTEGER, oi_change "
      "INTEGER, vwap INTEGER, "
      "ticks INTEGER NOT NULL, flags INTEGER NOT NULL, first_epoch INTEGER NOT NULL, first_seq "
      "INTEGER NOT NULL, "
      "last_epoch INTEGER NOT NULL, last_seq INTEGER NOT NULL, cause_epoch INTEGER NOT NULL, "
      "cause_seq INTEGER NOT NULL, "
      "cause_ordinal INTEGER NOT NULL, PRIMARY KEY (instrument_id, bar_start_ts, revision)) "
      "WITHOUT ROWID");
  db.exec("CREATE INDEX IF NOT EXISTS " + table + "_by_cause ON " + table +
          " (cause_epoch, cause_seq, cause_ordinal)");
}

class sqlite_database final : public database {
 public:
  sqlite_database(std::unique_ptr<SQLite::Database> db, const std::filesystem::path& file,
                  bool tick_table)
      : db_(std::move(db)), writer_(*db_, tick_table), reader_(file) {}

  writer& writing() override { return writer_; }
  reader& reading() override { return reader_; }

 private:
  std::unique_ptr<SQLite::Database> db_;
  sqlite_writer writer_;
  sqlite_reader reader_;
};

}  // namespace

result<std::unique_ptr<database>> open(const std::filesystem::path& file, const options& o) {
  return guarded(file.string(), [&]() -> result<std::unique_ptr<database>> {
    auto db = std::make_unique<SQLite::Database>(
        file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX,
        busy_timeout_ms);
    // WAL: readers see committed data while the writer writes. NORMAL: a power cut may undo the
    // newest transactions, never tear one; positions go back with their rows and the journal brings
    // both again.
    db->exec("PRAGMA journal_mode = WAL");
    db->exec("PRAGMA synchronous = NORMAL");
    db->exec("PRAGMA cache_size = -131072");
    db->exec("PRAGMA wal_autocheckpoint = 16384");
    auto migrated = migrate(*db);
    if (!migrated) return tl::unexpected(migrated.error());
    SQLite::Transaction transaction(*db, SQLite::TransactionBehavior::IMMEDIATE);
    for (const auto& tf : o.timeframes) make_bar_table(*db, tf);
    transaction.commit();
    return std::make_unique<sqlite_database>(std::move(db), file, o.tick_table);
  });
}

}  // namespace artham::store::sqlite

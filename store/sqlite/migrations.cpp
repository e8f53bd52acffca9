#include "store/sqlite/migrations.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>

namespace artham::store::sqlite {

result<void> migrate(SQLite::Database& db) {
  db.exec(
      "CREATE TABLE IF NOT EXISTS schema_migrations ("
      "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT "
      "CURRENT_TIMESTAMP)");
  const int present =
      db.execAndGet("SELECT COALESCE(MAX(version), 0) FROM schema_migrations").getInt();
  const int newest = migrations().back().version;
  if (present > newest) {
    return fail(errc::conflict,
                db.getFilename() + " has schema version " + std::to_string(present) +
                    ", written by a newer artham; this one knows " + std::to_string(newest) +
                    ". Run the newer program, or give another --data directory.");
  }
  for (const auto& m : migrations()) {
    if (m.version <= present) continue;
    SQLite::Transaction transaction(db);
    db.exec(std::string(m.sql));
    SQLite::Statement note(db, "INSERT INTO schema_migrations (version, name) VALUES (?, ?)");
    note.bind(1, m.version);
    note.bind(2, std::string(m.name));
    note.exec();
    transaction.commit();
  }
  return {};
}

}  // namespace artham::store::sqlite

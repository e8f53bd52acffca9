#include "store/sqlite/migrations.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <set>
#include <string>

namespace artham::store::sqlite {

result<void> migrate(SQLite::Database& db, std::span<const migration> list) {
  db.exec(
      "CREATE TABLE IF NOT EXISTS schema_migrations ("
      "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT "
      "CURRENT_TIMESTAMP)");
  // Each by its own number: one that was written beside another may have come after it.
  std::set<int> present;
  SQLite::Statement applied(db, "SELECT version FROM schema_migrations");
  while (applied.executeStep()) present.insert(applied.getColumn(0).getInt());
  applied.reset();
  for (const auto version : present) {
    if (std::ranges::count(list, version, &migration::version) != 0) continue;
    return fail(errc::conflict, db.getFilename() + " has schema version " +
                                    std::to_string(version) +
                                    ", written by a newer artham; this one knows versions up to " +
                                    std::to_string(list.back().version) +
                                    ". Run the newer program, or give another --data directory.");
  }
  for (const auto& m : list) {
    if (present.contains(m.version)) continue;
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

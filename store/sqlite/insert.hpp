#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <SQLiteCpp/SQLiteCpp.h>

namespace artham::store::sqlite {

/// A prepared INSERT for many rows, on SQLite's own calls: binding goes through no check that
/// cannot fail. Columns are bound in order; what is not bound is NULL.
class insert_statement {
 public:
  insert_statement(SQLite::Database& db, const std::string& sql) : db_(db.getHandle()) {
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &s, nullptr) !=
        SQLITE_OK) {
      throw SQLite::Exception(db_);
    }
    statement_.reset(s);
  }

  void next_row() {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
  }
  void bind(int column, std::int64_t value) { sqlite3_bind_int64(statement_.get(), column, value); }
  void bind_real(int column, double value) { sqlite3_bind_double(statement_.get(), column, value); }
  /// The text must stay until the row is written.
  void bind(int column, std::string_view value) {
    sqlite3_bind_text(statement_.get(), column, value.data(), static_cast<int>(value.size()),
                      SQLITE_STATIC);
  }
  void write_row() {
    if (sqlite3_step(statement_.get()) != SQLITE_DONE) throw SQLite::Exception(db_);
  }
  /// Lets go of the row: a statement that is not reset keeps the transaction busy.
  void end() { sqlite3_reset(statement_.get()); }

 private:
  struct finalizer {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, finalizer> statement_;
};

}  // namespace artham::store::sqlite

#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>
#include <utility>

#include "market/error.hpp"

namespace artham::store::sqlite {

/// Which of our errors a SQLite result code is.
[[nodiscard]] inline errc code_of(int sqlite) {
  switch (sqlite & 0xff) {
    case 5:  // SQLITE_BUSY
    case 6:  // SQLITE_LOCKED
    case 7:  // SQLITE_NOMEM
      return errc::unavailable;
    case 13:  // SQLITE_FULL
      return errc::full;
    case 10:  // SQLITE_IOERR
      return errc::io;
    case 8:   // SQLITE_READONLY
    case 14:  // SQLITE_CANTOPEN
    case 23:  // SQLITE_AUTH
      return errc::refused;
    case 11:  // SQLITE_CORRUPT
    case 26:  // SQLITE_NOTADB
      return errc::corrupt;
    default:
      return errc::bad_input;
  }
}

/// Runs fn; what SQLiteCpp throws becomes an error that names the file.
template <class Fn>
auto guarded(const std::string& file, Fn&& fn) -> decltype(fn()) {
  try {
    return fn();
  } catch (const SQLite::Exception& e) {
    return tl::unexpected<error>(error{code_of(e.getErrorCode()), file + ": " + e.what()});
  }
}

/// Runs fn in a transaction that raises the version in `table`; undone where fn fails.
template <class Fn>
auto with_new_version(SQLite::Database& db, const std::string& table, Fn&& fn) -> decltype(fn()) {
  return guarded(db.getFilename(), [&]() -> decltype(fn()) {
    SQLite::Transaction t(db, SQLite::TransactionBehavior::IMMEDIATE);
    auto done = fn();
    if (!done) return done;
    db.exec("UPDATE " + table + " SET version = version + 1");
    t.commit();
    return done;
  });
}

}  // namespace artham::store::sqlite

#pragma once

#include <string_view>
#include <vector>

#include "market/error.hpp"

namespace SQLite {
class Database;
}

namespace artham::store::sqlite {

/// One numbered file of store/sqlite/migrations.
struct migration {
  int version;
  std::string_view name;
  std::string_view sql;
};

/// All of them, in order.
[[nodiscard]] const std::vector<migration>& migrations();

/// Applies what is missing, each in a transaction with its entry in schema_migrations.
/// errc::conflict when the file was written by a newer program.
[[nodiscard]] result<void> migrate(SQLite::Database& db);

}  // namespace artham::store::sqlite

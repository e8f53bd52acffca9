#pragma once

#include <span>
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

/// Applies what is missing, in order, each in a transaction with its entry in schema_migrations.
/// errc::conflict when the file has one that is not in the list: a newer program wrote it.
[[nodiscard]] result<void> migrate(SQLite::Database& db,
                                   std::span<const migration> list = migrations());

}  // namespace artham::store::sqlite

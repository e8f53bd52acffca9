#pragma once

#include <span>
#include <vector>

#include "market/error.hpp"
#include "store/migration.hpp"

namespace SQLite {
class Database;
}

namespace artham::store::sqlite {

/// All of them, in order.
[[nodiscard]] const std::vector<migration>& migrations();

/// Applies what is missing, in order, each in a transaction with its entry in schema_migrations.
/// errc::conflict when the file has one that is not in the list: a newer program wrote it.
[[nodiscard]] result<void> migrate(SQLite::Database& db,
                                   std::span<const migration> list = migrations());

}  // namespace artham::store::sqlite

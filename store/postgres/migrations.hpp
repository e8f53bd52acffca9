#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/migration.hpp"
#include "store/postgres/connection.hpp"

namespace artham::store::postgres {

/// All of them, in order.
[[nodiscard]] const std::vector<migration>& migrations();

/// How tables are cut by time: chosen when the schema is made, and kept.
enum class time_tables : std::uint8_t { partitions, hypertables };

/// What a database is like.
struct schema {
  time_tables tables = time_tables::partitions;
  std::string timescale;    ///< the schema with TimescaleDB's functions; empty: not in use
  bool compresses = false;  ///< the licence of the installed TimescaleDB offers compression
};

/// Brings the schema `artham` up to date under a lock, so that nodes may start at once; on the
/// first time with TimescaleDB if the server has it. errc::conflict when a newer program wrote it
/// or another's objects are in the way, refused for an old server or a missing privilege.
[[nodiscard]] result<schema> migrate(connection& c, std::string_view place,
                                     const std::vector<migration>& list = migrations());

}  // namespace artham::store::postgres

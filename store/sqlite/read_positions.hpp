#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <vector>

#include "store/store.hpp"

namespace artham::store::sqlite {

/// All positions, by consumer, stream and shard.
[[nodiscard]] inline std::vector<stored_position> read_positions(SQLite::Database& db) {
  SQLite::Statement s(
      db, "SELECT consumer, stream, shard, epoch, seq, ordinal FROM positions ORDER BY 1, 2, 3");
  std::vector<stored_position> all;
  while (s.executeStep()) {
    stored_position p{s.getColumn(0).getString(),
                      s.getColumn(1).getString(),
                      s.getColumn(2).getUInt(),
                      {},
                      s.getColumn(5).getUInt()};
    p.at = {s.getColumn(3).getUInt(), static_cast<std::uint64_t>(s.getColumn(4).getInt64())};
    all.push_back(std::move(p));
  }
  return all;
}

}  // namespace artham::store::sqlite

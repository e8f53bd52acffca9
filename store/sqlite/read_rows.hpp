#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <vector>

#include "store/store.hpp"
#include "store/token_list.hpp"

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

/// Of from_ts, to_ts, cause, detail, epoch, seq, instrument_tokens.
[[nodiscard]] inline gap_row read_gap(SQLite::Statement& row) {
  gap_row g;
  g.from = row.getColumn(0).getInt64();
  g.to = row.getColumn(1).getInt64();
  g.cause = static_cast<market::gap_cause>(row.getColumn(2).getInt());
  g.detail = row.getColumn(3).getString();
  g.at = {row.getColumn(4).getUInt(), static_cast<std::uint64_t>(row.getColumn(5).getInt64())};
  g.tokens = tokens_in(row.getColumn(6).getString());
  return g;
}

/// Of instrument_token, bar_start_ts, bar_end_ts, open, high, low, close, volume, oi.
[[nodiscard]] inline market::bar read_candle(SQLite::Statement& row) {
  market::bar b;
  b.token = row.getColumn(0).getUInt();
  b.start = row.getColumn(1).getInt64();
  b.end = row.getColumn(2).getInt64();
  b.open = {row.getColumn(3).getInt64()};
  b.high = {row.getColumn(4).getInt64()};
  b.low = {row.getColumn(5).getInt64()};
  b.close = {row.getColumn(6).getInt64()};
  b.volume = row.getColumn(7).getInt64();
  b.fields = market::bar::volume_known;
  if (!row.isColumnNull(8)) {
    b.oi = row.getColumn(8).getInt64();
    b.fields |= market::bar::oi_known;
  }
  b.flags = static_cast<std::uint16_t>(market::bar_flag::backfilled);
  return b;
}

}  // namespace artham::store::sqlite

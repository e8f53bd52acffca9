#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "store/store.hpp"
#include "store/token_list.hpp"

namespace artham::store::sqlite {

/// What read_bar wants first in its row.
inline constexpr std::string_view bar_columns_of_record =
    "bar_start_ts, revision, instrument_token, bar_end_ts, open, high, low, close, volume, oi, "
    "oi_change, vwap, ticks, flags, first_epoch, first_seq, last_epoch, last_seq, cause_epoch, "
    "cause_seq, cause_ordinal";

[[nodiscard]] inline record::bar_record read_bar(SQLite::Statement& row) {
  using field = market::bar::field;
  record::bar_record r;
  auto& b = r.bar;
  int n = 0;
  b.start = row.getColumn(n++).getInt64();
  b.revision = row.getColumn(n++).getUInt();
  b.token = row.getColumn(n++).getUInt();
  b.end = row.getColumn(n++).getInt64();
  b.open = {row.getColumn(n++).getInt64()};
  b.high = {row.getColumn(n++).getInt64()};
  b.low = {row.getColumn(n++).getInt64()};
  b.close = {row.getColumn(n++).getInt64()};
  const auto optional = [&](field f, std::int64_t& value) {
    if (!row.isColumnNull(n)) {
      value = row.getColumn(n).getInt64();
      b.fields = static_cast<std::uint8_t>(b.fields | f);
    }
    ++n;
  };
  optional(field::volume_known, b.volume);
  optional(field::oi_known, b.oi);
  optional(field::oi_change_known, b.oi_change);
  optional(field::vwap_known, b.vwap.units);
  b.ticks = row.getColumn(n++).getUInt();
  b.flags = static_cast<std::uint16_t>(row.getColumn(n++).getInt());
  b.first.epoch = row.getColumn(n++).getUInt();
  b.first.seq = static_cast<std::uint64_t>(row.getColumn(n++).getInt64());
  b.last.epoch = row.getColumn(n++).getUInt();
  b.last.seq = static_cast<std::uint64_t>(row.getColumn(n++).getInt64());
  r.cause.at.epoch = row.getColumn(n++).getUInt();
  r.cause.at.seq = static_cast<std::uint64_t>(row.getColumn(n++).getInt64());
  r.cause.ordinal = row.getColumn(n++).getUInt();
  return r;
}

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

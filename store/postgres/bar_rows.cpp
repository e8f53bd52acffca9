#include "store/postgres/bar_rows.hpp"

namespace artham::store::postgres {

namespace {

const std::string columns =
    "bar_start_ts, bar_end_ts, open, high, low, close, volume, oi, oi_change, vwap, first_seq, "
    "last_seq, cause_seq, instrument_token, revision, ticks, cause_ordinal, first_epoch, "
    "last_epoch, cause_epoch, instrument_id, flags, bar_start_ns, bar_end_ns";
constexpr std::int16_t column_count = 24;

}  // namespace

const std::string make_new_bars =
    "CREATE TEMP TABLE new_bars (bar_start_ts timestamptz, bar_end_ts timestamptz, open bigint, "
    "high bigint, low bigint, close bigint, volume bigint, oi bigint, oi_change bigint, vwap "
    "bigint, first_seq bigint, last_seq bigint, cause_seq bigint, instrument_token bigint, "
    "revision bigint, ticks bigint, cause_ordinal bigint, first_epoch bigint, last_epoch bigint, "
    "cause_epoch bigint, instrument_id integer, flags integer, bar_start_ns smallint, bar_end_ns "
    "smallint) ON COMMIT DELETE ROWS";
const std::string new_bars_copy =
    "COPY pg_temp.new_bars (" + columns + ") FROM STDIN (FORMAT binary)";

std::string insert_new_bars(const std::string& table) {
  return "INSERT INTO artham." + table + " (" + columns + ") SELECT " + columns +
         " FROM pg_temp.new_bars ON CONFLICT DO NOTHING";
}

void append_bar(copy_rows& out, const record::bar_record& r, std::int32_t instrument_id) {
  using field = market::bar::field;
  const auto& b = r.bar;
  const auto start = split(b.start);
  const auto end = split(b.end);
  const auto has = [&](field f) { return (b.fields & f) != 0; };
  out.row(column_count);
  out.time(start);
  out.time(end);
  out.int64(b.open.units);
  out.int64(b.high.units);
  out.int64(b.low.units);
  out.int64(b.close.units);
  out.known(has(field::volume_known), b.volume);
  out.known(has(field::oi_known), b.oi);
  out.known(has(field::oi_change_known), b.oi_change);
  out.known(has(field::vwap_known), b.vwap.units);
  out.int64(static_cast<std::int64_t>(b.first.seq));
  out.int64(static_cast<std::int64_t>(b.last.seq));
  out.int64(static_cast<std::int64_t>(r.cause.at.seq));
  out.int64(b.token);
  out.int64(b.revision);
  out.int64(b.ticks);
  out.int64(r.cause.ordinal);
  out.int64(b.first.epoch);
  out.int64(b.last.epoch);
  out.int64(r.cause.at.epoch);
  out.int32(instrument_id);
  out.int32(b.flags);
  out.int16(start.below);
  out.int16(end.below);
}

}  // namespace artham::store::postgres

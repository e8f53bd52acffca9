#include "store/postgres/instrument_archive.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "store/postgres/copy_rows.hpp"

namespace artham::store::postgres {

namespace {

constexpr const char* columns =
    "instrument_id, valid_from, instrument_token, exchange_token, exchange, tradingsymbol, name, "
    "expiry, strike, tick_size, lot_size, instrument_type, segment, is_first";
constexpr std::int16_t column_count = 14;

stored_instrument read_row(const answer& a, int row) {
  int n = 0;
  stored_instrument s;
  s.id = a.integer(row, n++);
  s.valid_from = {static_cast<std::int32_t>(a.integer(row, n++))};
  if (!a.is_null(row, n)) s.valid_to = market::date{static_cast<std::int32_t>(a.integer(row, n))};
  ++n;
  auto& i = s.instrument;
  i.token = static_cast<std::uint32_t>(a.integer(row, n++));
  i.exchange_token = static_cast<std::uint32_t>(a.integer(row, n++));
  i.exchange = a.text(row, n++);
  i.symbol = a.text(row, n++);
  i.name = a.text(row, n++);
  i.expiry = {static_cast<std::int32_t>(a.integer(row, n++))};
  i.strike = {a.integer(row, n++)};
  i.tick_size = {a.integer(row, n++)};
  i.lot_size = a.integer(row, n++);
  i.type = a.text(row, n++);
  i.segment = a.text(row, n++);
  return s;
}

void append(copy_rows& out, const stored_instrument& s) {
  const auto& i = s.instrument;
  out.row(column_count);
  out.int32(static_cast<std::int32_t>(s.id));
  out.date(s.valid_from);
  out.int64(i.token);
  out.int64(i.exchange_token);
  out.text(i.exchange);
  out.text(i.symbol);
  out.text(i.name);
  if (i.expiry.days != 0) {
    out.date(i.expiry);
  } else {
    out.null();
  }
  out.int64(i.strike.units);
  out.int64(i.tick_size.units);
  out.int64(i.lot_size);
  out.text(i.type);
  out.text(i.segment);
  out.bytes(std::string_view("\1", 1));
}

/// In the caller's transaction.
outcome<void> write(connection& c, const std::vector<stored_instrument>& rows) {
  copy_rows data;
  for (const auto& row : rows) append(data, row);
  data.finish();
  auto begun = c.begin_copy(
      "CREATE TEMP TABLE IF NOT EXISTS new_instruments (LIKE artham.instruments INCLUDING "
      "GENERATED) ON COMMIT DELETE ROWS; COPY pg_temp.new_instruments (" +
      std::string(columns) + ") FROM STDIN (FORMAT binary)");
  if (!begun) return tl::unexpected(std::move(begun.error()));
  if (auto sent = c.put(data.bytes()); !sent) return sent;
  if (auto ended = c.end_copy(); !ended) return tl::unexpected(std::move(ended.error()));
  auto put = c.run(
      "INSERT INTO artham.instruments (" + std::string(columns) +
      ") SELECT n.instrument_id, n.valid_from, n.instrument_token, n.exchange_token, n.exchange, "
      "n.tradingsymbol, n.name, n.expiry, n.strike, n.tick_size, n.lot_size, n.instrument_type, "
      "n.segment, NOT EXISTS (SELECT FROM artham.instruments AS i WHERE i.instrument_id = "
      "n.instrument_id) FROM pg_temp.new_instruments AS n ON CONFLICT (instrument_id, valid_from) "
      "DO UPDATE SET valid_to = NULL, instrument_token = excluded.instrument_token, exchange_token "
      "= excluded.exchange_token, strike = excluded.strike, tick_size = excluded.tick_size, "
      "lot_size = excluded.lot_size, name = excluded.name, instrument_type = "
      "excluded.instrument_type, segment = excluded.segment");
  if (!put) return tl::unexpected(std::move(put.error()));
  return {};
}

outcome<void> commit(connection& c) {
  auto done = c.run("COMMIT");
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

}  // namespace

outcome<void> instrument_archive::read(connection& c) {
  auto rows = c.run(
      "SELECT instrument_id, valid_from - date '1970-01-01', valid_to - date '1970-01-01', "
      "instrument_token, exchange_token, exchange, tradingsymbol, name, coalesce(expiry - date "
      "'1970-01-01', 0), strike, tick_size, lot_size, instrument_type, segment FROM "
      "artham.instruments ORDER BY valid_from, instrument_id");
  if (!rows) return tl::unexpected(std::move(rows.error()));
  versions_.clear();
  for (int i = 0; i < rows->front().rows(); ++i) versions_.add(read_row(rows->front(), i));
  version_.fetch_add(1, std::memory_order_release);
  return {};
}

outcome<void> instrument_archive::lock_and_read(connection& c) {
  auto locked = c.run(
      "BEGIN; LOCK TABLE artham.instruments IN SHARE ROW "
      "EXCLUSIVE MODE");
  if (!locked) return tl::unexpected(std::move(locked.error()));
  return read(c);
}

outcome<void> instrument_archive::load(connection& c) {
  const std::lock_guard lock(mutex_);
  return read(c);
}

outcome<void> instrument_archive::put(connection& c, std::span<const market::instrument> list,
                                      market::date valid_from) {
  const std::lock_guard lock(mutex_);
  if (auto begun = lock_and_read(c); !begun) return begun;
  const auto changes = versions_.compare(list, valid_from);
  if (changes.empty()) return commit(c);
  for (const auto& [id, from] : changes.ended) {
    const parameter values[] = {std::to_string(valid_from.days), std::to_string(id),
                                std::to_string(from.days)};
    auto ended = c.run(
        "UPDATE artham.instruments SET valid_to = date '1970-01-01' + $1::integer WHERE "
        "instrument_id = $2::integer AND valid_from = date '1970-01-01' + $3::integer",
        values);
    if (!ended) return tl::unexpected(std::move(ended.error()));
  }
  if (auto written = write(c, changes.written); !written) return written;
  if (auto committed = commit(c); !committed) return committed;
  return read(c);
}

outcome<void> instrument_archive::make_up(connection& c, std::span<const std::uint32_t> tokens) {
  const std::lock_guard lock(mutex_);
  if (auto begun = lock_and_read(c); !begun) return begun;
  std::vector<stored_instrument> rows;
  for (const auto token : tokens) {
    if (versions_.id(token, 0)) continue;
    rows.push_back(versions_.made_up(token));
    versions_.add(rows.back());
  }
  auto written = rows.empty() ? outcome<void>{} : write(c, rows);
  if (written) written = commit(c);
  // What could not be written must not be known.
  if (!written) versions_.clear();
  version_.fetch_add(1, std::memory_order_release);
  return written;
}

std::optional<std::int64_t> instrument_archive::id(std::uint32_t token, market::timestamp t) {
  const std::lock_guard lock(mutex_);
  return versions_.id(token, t);
}

std::optional<std::int32_t> instrument_ids::id(std::uint32_t token, market::timestamp t) {
  if (const auto now = archive_.version(); now != version_) {
    known_.clear();
    version_ = now;
  }
  if (const auto it = known_.find(token);
      it != known_.end() && t >= it->second.from && t - it->second.from < market::day) {
    return it->second.id;
  }
  const auto found = archive_.id(token, t);
  if (!found) return std::nullopt;
  const auto id = static_cast<std::int32_t>(*found);
  const auto since_midnight = (t + market::india_offset) % market::day;
  if (since_midnight >= 0) known_.insert_or_assign(token, known{t - since_midnight, id});
  return id;
}

}  // namespace artham::store::postgres

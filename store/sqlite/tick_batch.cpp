#include "store/sqlite/tick_batch.hpp"

#include <sqlite3.h>

#include <string>
#include <utility>

namespace artham::store::sqlite {

namespace {

enum column : int {
  seq,
  epoch,
  instrument_id,
  mode,
  receive_ts,
  wall_ts,
  exchange_ts,
  last_price,
  volume,
  oi,
  packet,
};
constexpr const char* declaration =
    "CREATE TABLE new_ticks (seq, epoch, instrument_id, mode, receive_ts, wall_ts, exchange_ts, "
    "last_price, volume, oi, packet)";

// SQLite hands back its own base objects, which are the first members of ours.
struct table {
  sqlite3_vtab base{};
  const tick_batch* batch = nullptr;
};
struct cursor {
  sqlite3_vtab_cursor base{};
  std::size_t row = 0;
};

const tick_batch& batch_of(const sqlite3_vtab_cursor* c) {
  return *reinterpret_cast<const table*>(c->pVtab)->batch;
}

int connect(sqlite3* db, void* batch, int, const char* const*, sqlite3_vtab** out, char**) {
  const int rc = sqlite3_declare_vtab(db, declaration);
  if (rc != SQLITE_OK) return rc;
  auto* t = new table;
  t->batch = static_cast<const tick_batch*>(batch);
  *out = &t->base;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* t) {
  delete reinterpret_cast<table*>(t);
  return SQLITE_OK;
}

int best_index(sqlite3_vtab*, sqlite3_index_info*) {
  return SQLITE_OK;
}

int open_cursor(sqlite3_vtab*, sqlite3_vtab_cursor** out) {
  *out = &(new cursor)->base;
  return SQLITE_OK;
}

int close_cursor(sqlite3_vtab_cursor* c) {
  delete reinterpret_cast<cursor*>(c);
  return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* c, int, const char*, int, sqlite3_value**) {
  reinterpret_cast<cursor*>(c)->row = 0;
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* c) {
  ++reinterpret_cast<cursor*>(c)->row;
  return SQLITE_OK;
}

int at_end(sqlite3_vtab_cursor* c) {
  return reinterpret_cast<cursor*>(c)->row >= batch_of(c).rows().size() ? 1 : 0;
}

int row_id(sqlite3_vtab_cursor* c, sqlite3_int64* out) {
  *out = static_cast<sqlite3_int64>(reinterpret_cast<cursor*>(c)->row);
  return SQLITE_OK;
}

/// A column without a result is NULL.
int value(sqlite3_vtab_cursor* c, sqlite3_context* out, int n) {
  using field = market::bar_input::field;
  const auto index = reinterpret_cast<cursor*>(c)->row;
  const auto& row = batch_of(c).rows()[index];
  const auto& core = row.core;
  switch (n) {
    case column::seq:
      sqlite3_result_int64(out, static_cast<sqlite3_int64>(core.seq));
      break;
    case column::epoch:
      sqlite3_result_int64(out, core.epoch);
      break;
    case column::instrument_id:
      sqlite3_result_int64(out, batch_of(c).instrument_id(index));
      break;
    case column::mode:
      sqlite3_result_int64(out, static_cast<sqlite3_int64>(core.mode));
      break;
    case column::receive_ts:
      sqlite3_result_int64(out, row.receive);
      break;
    case column::wall_ts:
      sqlite3_result_int64(out, row.wall);
      break;
    case column::exchange_ts:
      sqlite3_result_int64(out, core.time);
      break;
    case column::last_price:
      sqlite3_result_int64(out, core.last.units);
      break;
    case column::volume:
      if ((core.fields & (field::volume | field::size)) != 0)
        sqlite3_result_int64(out, core.volume_or_size);
      break;
    case column::oi:
      if ((core.fields & field::open_interest) != 0) sqlite3_result_int64(out, core.oi);
      break;
    case column::packet:
      if (!row.packet.empty())
        sqlite3_result_blob(out, row.packet.data(), static_cast<int>(row.packet.size()),
                            SQLITE_STATIC);
      break;
    default:
      break;
  }
  return SQLITE_OK;
}

const sqlite3_module& module() {
  static const sqlite3_module m = [] {
    sqlite3_module made{};
    made.xConnect = connect;
    made.xDisconnect = disconnect;
    made.xBestIndex = best_index;
    made.xOpen = open_cursor;
    made.xClose = close_cursor;
    made.xFilter = filter;
    made.xNext = next;
    made.xEof = at_end;
    made.xColumn = value;
    made.xRowid = row_id;
    return made;
  }();
  return m;
}

}  // namespace

tick_batch::tick_batch(SQLite::Database& db) {
  if (sqlite3_create_module_v2(db.getHandle(), "new_ticks", &module(), this, nullptr) != SQLITE_OK)
    throw SQLite::Exception(db.getHandle());
}

void tick_batch::fill(std::span<const tick_row> rows, std::vector<std::int64_t> instrument_ids) {
  rows_ = rows;
  ids_ = std::move(instrument_ids);
}

void tick_batch::clear() {
  rows_ = {};
  ids_.clear();
}

}  // namespace artham::store::sqlite

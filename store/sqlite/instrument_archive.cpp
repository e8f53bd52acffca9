#include "store/sqlite/instrument_archive.hpp"

#include <string>

namespace artham::store::sqlite {

stored_instrument read_instrument(SQLite::Statement& row) {
  stored_instrument s;
  s.id = row.getColumn(0).getInt64();
  s.valid_from = {row.getColumn(1).getInt()};
  if (!row.isColumnNull(2)) s.valid_to = market::date{row.getColumn(2).getInt()};
  auto& i = s.instrument;
  i.token = row.getColumn(3).getUInt();
  i.exchange_token = row.getColumn(4).getUInt();
  i.exchange = row.getColumn(5).getString();
  i.symbol = row.getColumn(6).getString();
  i.name = row.getColumn(7).getString();
  i.expiry = {row.getColumn(8).getInt()};
  i.strike = {row.getColumn(9).getInt64()};
  i.tick_size = {row.getColumn(10).getInt64()};
  i.lot_size = row.getColumn(11).getInt64();
  i.type = row.getColumn(12).getString();
  i.segment = row.getColumn(13).getString();
  return s;
}

instrument_archive::instrument_archive(SQLite::Database& db) : db_(db) {
  reload();
}

void instrument_archive::reload() {
  versions_.clear();
  SQLite::Statement all(
      db_, std::string("SELECT ") + instrument_columns + " FROM instruments ORDER BY valid_from");
  while (all.executeStep()) versions_.add(read_instrument(all));
}

void instrument_archive::insert(const stored_instrument& row) {
  SQLite::Statement s(db_, std::string("INSERT OR REPLACE INTO instruments (") +
                               instrument_columns +
                               ") VALUES (?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const auto& i = row.instrument;
  int n = 0;
  s.bind(++n, row.id);
  s.bind(++n, row.valid_from.days);
  s.bind(++n, i.token);
  s.bind(++n, i.exchange_token);
  s.bind(++n, i.exchange);
  s.bind(++n, i.symbol);
  s.bind(++n, i.name);
  s.bind(++n, i.expiry.days);
  s.bind(++n, i.strike.units);
  s.bind(++n, i.tick_size.units);
  s.bind(++n, i.lot_size);
  s.bind(++n, i.type);
  s.bind(++n, i.segment);
  s.exec();
}

void instrument_archive::put(std::span<const market::instrument> list, market::date valid_from) {
  const auto changes = versions_.compare(list, valid_from);
  if (changes.empty()) return;
  SQLite::Statement end(
      db_, "UPDATE instruments SET valid_to = ? WHERE instrument_id = ? AND valid_from = ?");
  for (const auto& [id, from] : changes.ended) {
    end.reset();
    end.bind(1, valid_from.days);
    end.bind(2, id);
    end.bind(3, from.days);
    end.exec();
  }
  for (const auto& row : changes.written) insert(row);
  reload();
}

std::int64_t instrument_archive::id(std::uint32_t token, market::timestamp t) {
  if (const auto known = versions_.id(token, t)) return *known;
  const auto row = versions_.made_up(token);
  insert(row);
  versions_.add(row);
  return row.id;
}

}  // namespace artham::store::sqlite

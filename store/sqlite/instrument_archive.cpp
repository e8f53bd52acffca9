#include "store/sqlite/instrument_archive.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace artham::store::sqlite {

namespace {

constexpr std::string_view unknown_exchange = "TOKEN";

}  // namespace

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

instrument_archive::identity instrument_archive::identity_of(const market::instrument& i) {
  return {i.exchange, i.symbol, i.expiry.days};
}

instrument_archive::instrument_archive(SQLite::Database& db) : db_(db) {
  reload();
}

void instrument_archive::reload() {
  newest_.clear();
  by_token_.clear();
  cache_.clear();
  next_id_ = 1;
  SQLite::Statement all(
      db_, std::string("SELECT ") + instrument_columns + " FROM instruments ORDER BY valid_from");
  while (all.executeStep()) {
    const auto s = read_instrument(all);
    const version v{s.id, s.valid_from.days, s.valid_to ? s.valid_to->days : INT32_MAX,
                    s.instrument};
    newest_.insert_or_assign(identity_of(s.instrument), v);
    by_token_[s.instrument.token].push_back({v.id, v.from, v.to, {}});
    next_id_ = std::max(next_id_, s.id + 1);
  }
}

void instrument_archive::insert(std::int64_t id, const market::instrument& i, market::date from) {
  SQLite::Statement row(db_, std::string("INSERT OR REPLACE INTO instruments (") +
                                 instrument_columns +
                                 ") VALUES (?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  int n = 0;
  row.bind(++n, id);
  row.bind(++n, from.days);
  row.bind(++n, i.token);
  row.bind(++n, i.exchange_token);
  row.bind(++n, i.exchange);
  row.bind(++n, i.symbol);
  row.bind(++n, i.name);
  row.bind(++n, i.expiry.days);
  row.bind(++n, i.strike.units);
  row.bind(++n, i.tick_size.units);
  row.bind(++n, i.lot_size);
  row.bind(++n, i.type);
  row.bind(++n, i.segment);
  row.exec();
}

void instrument_archive::put(std::span<const market::instrument> list, market::date valid_from) {
  SQLite::Statement end(
      db_, "UPDATE instruments SET valid_to = ? WHERE instrument_id = ? AND valid_from = ?");
  const auto finish = [&](const version& v) {
    end.reset();
    end.bind(1, valid_from.days);
    end.bind(2, v.id);
    end.bind(3, v.from);
    end.exec();
  };
  std::set<identity> seen;
  for (const auto& i : list) {
    const auto key = identity_of(i);
    seen.insert(key);
    const auto it = newest_.find(key);
    if (it == newest_.end()) {
      insert(next_id_++, i, valid_from);
      continue;
    }
    const version& v = it->second;
    if (v.to == INT32_MAX && v.instrument == i) continue;
    // A dump older than what is known changes nothing that is in force.
    if (v.from > valid_from.days) continue;
    if (v.to == INT32_MAX && v.from < valid_from.days) finish(v);
    insert(v.id, i, valid_from);
  }
  for (const auto& [key, v] : newest_) {
    const bool made_up = std::get<0>(key) == unknown_exchange;
    if (v.to == INT32_MAX && v.from < valid_from.days && !made_up && !seen.contains(key)) finish(v);
  }
  reload();
}

std::int64_t instrument_archive::id(std::uint32_t token, market::timestamp t) {
  const auto day = static_cast<std::int32_t>((t + market::india_offset) / market::day);
  if (const auto it = cache_.find(token); it != cache_.end() && it->second.day == day)
    return it->second.id;
  auto& versions = by_token_[token];
  if (versions.empty()) {
    const auto made = market::unknown_instrument(token);
    insert(next_id_, made, {0});
    versions.push_back({next_id_, 0, INT32_MAX, {}});
    newest_.insert_or_assign(identity_of(made), version{next_id_, 0, INT32_MAX, made});
    ++next_id_;
  }
  // In force on that day, else the newest one: a tick is never without an owner.
  const version* best = &versions.back();
  for (const auto& v : versions) {
    if (v.from <= day && day < v.to) best = &v;
  }
  cache_.insert_or_assign(token, cached{day, best->id});
  return best->id;
}

}  // namespace artham::store::sqlite

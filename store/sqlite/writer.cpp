#include "store/sqlite/writer.hpp"
#include "store/bar_tables.hpp"

#include <utility>
#include <vector>

#include "runtime/failpoint.hpp"
#include "store/sqlite/connection.hpp"
#include "store/token_list.hpp"

namespace artham::store::sqlite {

namespace {

std::string text_of(const stored_position& p) {
  return "(" + std::to_string(p.at.epoch) + ", " + std::to_string(p.at.seq) + ")";
}

}  // namespace

sqlite_writer::sqlite_writer(SQLite::Database& db, bool tick_table)
    : db_(db), tick_table_(tick_table), instruments_(db), new_ticks_(db), features_(db) {}

SQLite::Statement& sqlite_writer::statement(const std::string& sql) {
  auto& s = statements_[sql];
  if (!s) {
    s = std::make_unique<SQLite::Statement>(db_, sql);
  } else {
    s->reset();
  }
  return *s;
}

insert_statement& sqlite_writer::insert(const std::string& sql) {
  auto& s = inserts_[sql];
  if (!s) s = std::make_unique<insert_statement>(db_, sql);
  return *s;
}

std::optional<stored_position> sqlite_writer::read_position(std::string_view consumer,
                                                            std::string_view stream,
                                                            std::uint32_t shard) {
  auto& s = statement(
      "SELECT epoch, seq, ordinal FROM positions WHERE consumer = ? AND stream = ? AND shard = ?");
  s.bind(1, std::string(consumer));
  s.bind(2, std::string(stream));
  s.bind(3, shard);
  if (!s.executeStep()) return std::nullopt;
  stored_position p{
      std::string(consumer), std::string(stream), shard, {}, s.getColumn(2).getUInt()};
  p.at = {s.getColumn(0).getUInt(), static_cast<std::uint64_t>(s.getColumn(1).getInt64())};
  s.reset();
  return p;
}

result<std::optional<stored_position>> sqlite_writer::position(std::string_view consumer,
                                                               std::string_view stream,
                                                               std::uint32_t shard) {
  return guarded(db_.getFilename(), [&]() -> result<std::optional<stored_position>> {
    return read_position(consumer, stream, shard);
  });
}

void sqlite_writer::write_position(const stored_position& p) {
  auto& s = statement(
      "INSERT INTO positions (consumer, stream, shard, epoch, seq, ordinal) VALUES (?, ?, ?, ?, ?, "
      "?) "
      "ON CONFLICT (consumer, stream, shard) DO UPDATE SET epoch = excluded.epoch, seq = "
      "excluded.seq, "
      "ordinal = excluded.ordinal");
  s.bind(1, p.consumer);
  s.bind(2, p.stream);
  s.bind(3, p.shard);
  s.bind(4, p.at.epoch);
  s.bind(5, static_cast<std::int64_t>(p.at.seq));
  s.bind(6, p.ordinal);
  s.exec();
}

void sqlite_writer::write_ticks(std::span<const tick_row> rows) {
  // Before the INSERT: an id may have to be made, which writes too.
  std::vector<std::int64_t> ids;
  ids.reserve(rows.size());
  for (const auto& row : rows) ids.push_back(instruments_.id(row.core.token, row.receive));
  new_ticks_.fill(rows, std::move(ids));
  auto& s = statement("INSERT INTO ticks SELECT * FROM new_ticks");
  s.exec();
  s.reset();
  new_ticks_.clear();
}

void sqlite_writer::write_bars(market::timeframe tf, std::span<const record::bar_record> bars) {
  // A revision is a row of its own; the same one again changes nothing.
  auto& s = insert("INSERT OR IGNORE INTO " + bar_table(tf) +
                   " (instrument_id, bar_start_ts, revision, instrument_token, bar_end_ts, "
                   "open, high, low, close, volume, "
                   "oi, oi_change, vwap, ticks, flags, first_epoch, first_seq, last_epoch, "
                   "last_seq, cause_epoch, "
                   "cause_seq, cause_ordinal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                   "?, ?, ?, ?, ?, ?, ?, ?)");
  using field = market::bar::field;
  for (const auto& r : bars) {
    const auto& b = r.bar;
    s.next_row();
    s.bind(1, instruments_.id(b.token, b.start));
    s.bind(2, b.start);
    s.bind(3, b.revision);
    s.bind(4, b.token);
    s.bind(5, b.end);
    s.bind(6, b.open.units);
    s.bind(7, b.high.units);
    s.bind(8, b.low.units);
    s.bind(9, b.close.units);
    if ((b.fields & field::volume_known) != 0) s.bind(10, b.volume);
    if ((b.fields & field::oi_known) != 0) s.bind(11, b.oi);
    if ((b.fields & field::oi_change_known) != 0) s.bind(12, b.oi_change);
    if ((b.fields & field::vwap_known) != 0) s.bind(13, b.vwap.units);
    s.bind(14, b.ticks);
    s.bind(15, std::int64_t{b.flags});
    s.bind(16, b.first.epoch);
    s.bind(17, static_cast<std::int64_t>(b.first.seq));
    s.bind(18, b.last.epoch);
    s.bind(19, static_cast<std::int64_t>(b.last.seq));
    s.bind(20, r.cause.at.epoch);
    s.bind(21, static_cast<std::int64_t>(r.cause.at.seq));
    s.bind(22, r.cause.ordinal);
    s.write_row();
  }
  s.end();
}

void sqlite_writer::write_gaps(std::span<const market::mark> marks) {
  auto& s = statement(
      "INSERT OR IGNORE INTO gaps (epoch, seq, from_ts, to_ts, cause, detail, instrument_tokens) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (const auto& m : marks) {
    if (m.kind != market::mark_kind::gap) continue;
    s.reset();
    s.bind(1, m.position.epoch);
    s.bind(2, static_cast<std::int64_t>(m.position.seq));
    s.bind(3, m.from);
    s.bind(4, m.time);
    s.bind(5, static_cast<int>(m.cause));
    s.bind(6, m.subject);
    if (m.tokens.empty()) {
      s.bind(7);
    } else {
      s.bind(7, '[' + joined(m.tokens) + ']');
    }
    s.exec();
  }
}

void sqlite_writer::write_quarantines(std::span<const quarantine_row> rows) {
  auto& s = statement(
      "INSERT OR IGNORE INTO quarantines (epoch, seq, what, actor, instrument_token, at_epoch, "
      "at_seq, cause_epoch, cause_seq, cause_ordinal, at_ts, error) VALUES (?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?)");
  for (const auto& [place, l] : rows) {
    s.reset();
    s.bind(1, place.epoch);
    s.bind(2, static_cast<std::int64_t>(place.seq));
    s.bind(3, static_cast<int>(l.what));
    s.bind(4, static_cast<int>(l.actor));
    s.bind(5, l.token);
    s.bind(6, l.at.epoch);
    s.bind(7, static_cast<std::int64_t>(l.at.seq));
    s.bind(8, l.cause.at.epoch);
    s.bind(9, static_cast<std::int64_t>(l.cause.at.seq));
    s.bind(10, l.cause.ordinal);
    s.bind(11, l.time);
    s.bind(12, l.text);
    s.exec();
  }
}

result<void> sqlite_writer::in_transaction(const std::function<result<void>()>& fn) {
  auto outcome = guarded(db_.getFilename(), [&]() -> result<void> {
    SQLite::Transaction transaction(db_, SQLite::TransactionBehavior::IMMEDIATE);
    runtime::failpoint("store.begun");
    if (auto done = fn(); !done) return done;
    transaction.commit();
    runtime::failpoint("store.committed");
    return {};
  });
  if (!outcome) {
    new_ticks_.clear();
    // Instruments made up in the transaction are gone with it.
    auto reloaded = guarded(db_.getFilename(), [&]() -> result<void> {
      instruments_.reload();
      return {};
    });
    static_cast<void>(reloaded);
  }
  return outcome;
}

result<commit_report> sqlite_writer::commit(const batch& b) {
  const auto done = in_transaction([&]() -> result<void> {
    for (const auto& e : b.expected) {
      const auto present = read_position(e.consumer, e.stream, e.shard);
      if ((present ? present->at : record::position{}) == e.at) continue;
      return fail(errc::conflict, db_.getFilename() + ": " + e.consumer + " of " + e.stream +
                                      " stands at " + (present ? text_of(*present) : "(0, 0)") +
                                      ", not at " + text_of(e) + ": another writer stored it");
    }
    if (!b.ticks.empty()) {
      if (!tick_table_) {
        return fail(errc::usage, "ticks for a store that keeps none; set store.ticks = table");
      }
      write_ticks(b.ticks);
    }
    if (!b.bars.empty()) write_bars(b.timeframe, b.bars);
    if (!b.marks.empty()) write_gaps(b.marks);
    if (!b.quarantines.empty()) write_quarantines(b.quarantines);
    features_.write(b.features, [this](std::uint32_t token, market::timestamp t) {
      return instruments_.id(token, t);
    });
    runtime::failpoint("store.rows");
    for (const auto& p : b.positions) write_position(p);
    runtime::failpoint("store.positioned");
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return commit_report{};
}

result<void> sqlite_writer::put_bars(market::timeframe tf,
                                     std::span<const record::bar_record> bars) {
  return in_transaction([&]() -> result<void> {
    write_bars(tf, bars);
    return {};
  });
}

result<void> sqlite_writer::put_instruments(std::span<const market::instrument> list,
                                            market::date valid_from) {
  auto outcome = guarded(db_.getFilename(), [&]() -> result<void> {
    SQLite::Transaction transaction(db_, SQLite::TransactionBehavior::IMMEDIATE);
    instruments_.put(list, valid_from);
    runtime::failpoint("store.instruments");
    transaction.commit();
    return {};
  });
  if (!outcome) instruments_.reload();
  return outcome;
}

result<candle_counts> sqlite_writer::put_candles(std::string_view source, market::timeframe tf,
                                                 std::span<const market::bar> candles) {
  return guarded(db_.getFilename(), [&]() -> result<candle_counts> {
    SQLite::Transaction transaction(db_, SQLite::TransactionBehavior::IMMEDIATE);
    auto& known = statement(
        "SELECT 1 FROM candles WHERE source = ? AND instrument_token = ? AND timeframe = ? AND "
        "bar_start_ts = ?");
    auto& put = statement(
        "INSERT INTO candles (source, instrument_token, timeframe, bar_start_ts, bar_end_ts, open, "
        "high, low, close, volume, oi) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (source, instrument_token, timeframe, bar_start_ts) DO UPDATE SET bar_end_ts "
        "= excluded.bar_end_ts, open = excluded.open, high = excluded.high, low = excluded.low, "
        "close = excluded.close, volume = excluded.volume, oi = excluded.oi WHERE (bar_end_ts, "
        "open, high, low, close, volume, oi) IS NOT (excluded.bar_end_ts, excluded.open, "
        "excluded.high, excluded.low, excluded.close, excluded.volume, excluded.oi)");
    const auto name = market::to_string(tf);
    candle_counts counts;
    for (const auto& b : candles) {
      for (auto* s : {&known, &put}) {
        s->reset();
        s->clearBindings();
        s->bind(1, std::string(source));
        s->bind(2, b.token);
        s->bind(3, name);
        s->bind(4, b.start);
      }
      const bool is_new = !known.executeStep();
      known.reset();
      put.bind(5, b.end);
      put.bind(6, b.open.units);
      put.bind(7, b.high.units);
      put.bind(8, b.low.units);
      put.bind(9, b.close.units);
      put.bind(10, b.volume);
      if ((b.fields & market::bar::oi_known) != 0) put.bind(11, b.oi);
      const auto changes = static_cast<std::size_t>(put.exec());
      put.reset();
      (is_new ? counts.added : counts.changed) += changes;
    }
    transaction.commit();
    return counts;
  });
}

}  // namespace artham::store::sqlite

#include "store/postgres/writer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/failpoint.hpp"
#include "store/postgres/bar_rows.hpp"
#include "store/postgres/feature_rows.hpp"
#include "store/postgres/sqlstate.hpp"
#include "store/token_list.hpp"

namespace artham::store::postgres {

namespace {

/// More refused rows in one batch are no matter of rows.
constexpr std::uint64_t refused_at_most = 1000;
constexpr std::string_view no_partition = "23514";

std::string text_of(record::position p) {
  return "(" + std::to_string(p.epoch) + ", " + std::to_string(p.seq) + ")";
}

std::string numbers(record::position p) {
  return std::to_string(p.epoch) + ", " + std::to_string(p.seq);
}

std::size_t size_of(const batch& b) {
  return b.ticks.size() + b.bars.size() + b.marks.size() + b.quarantines.size() + b.features.size();
}

/// Two parts that make up the batch: kinds apart, else halves.
std::pair<batch, batch> halves(const batch& b) {
  std::pair<batch, batch> parts;
  parts.first.timeframe = parts.second.timeframe = b.timeframe;
  std::size_t left = (size_of(b) + 1) / 2;
  const auto cut = [&](auto rows, auto& first, auto& second) {
    const auto n = std::min(left, rows.size());
    first = rows.first(n);
    second = rows.subspan(n);
    left -= n;
  };
  cut(b.ticks, parts.first.ticks, parts.second.ticks);
  cut(b.bars, parts.first.bars, parts.second.bars);
  cut(b.marks, parts.first.marks, parts.second.marks);
  cut(b.quarantines, parts.first.quarantines, parts.second.quarantines);
  cut(b.features, parts.first.features, parts.second.features);
  return parts;
}

outcome<void> done(outcome<std::vector<answer>> a) {
  if (!a) return tl::unexpected(std::move(a.error()));
  return {};
}
outcome<void> done(outcome<answer> a) {
  if (!a) return tl::unexpected(std::move(a.error()));
  return {};
}

}  // namespace

postgres_writer::postgres_writer(std::shared_ptr<backend> db, tick_layout layout, bool patient)
    : db_(std::move(db)), layout_(layout), patient_(patient), ids_(db_->instruments()) {}

std::int32_t postgres_writer::id(std::uint32_t token, market::timestamp t) {
  return ids_.id(token, t).value_or(0);
}

result<void> postgres_writer::get_connected() {
  auto connected = connect();
  // Whatever it is, somebody may mend it while the journal goes on.
  if (!connected && patient_ && !is_transient(connected.error().code))
    connected.error().code = errc::unavailable;
  return connected;
}

result<void> postgres_writer::connect() {
  if (!c_ || c_->lost()) {
    c_.reset();
    auto made = db_->connect();
    if (!made) return tl::unexpected(made.error());
    c_ = std::move(*made);
    partitions_.emplace(db_->layout().tables);
  }
  return {};
}

error postgres_writer::failed(const failure& f) {
  if (c_->lost()) {
    c_.reset();
  } else {
    static_cast<void>(c_->run("ROLLBACK"));
  }
  auto e = db_->error_of(f);
  // What refuses a running program may be mended while it waits.
  if (e.code == errc::refused) e.code = errc::unavailable;
  return e;
}

result<std::optional<stored_position>> postgres_writer::position(std::string_view consumer,
                                                                 std::string_view stream,
                                                                 std::uint32_t shard) {
  if (auto ready = get_connected(); !ready) return tl::unexpected(ready.error());
  const std::array<parameter, 3> values{std::string(consumer), std::string(stream),
                                        std::to_string(shard)};
  const auto rows = c_->run(
      "SELECT epoch, seq, ordinal FROM artham.positions WHERE consumer = $1 AND stream = $2 AND "
      "shard = $3",
      values);
  if (!rows) return tl::unexpected(failed(rows.error()));
  if (rows->rows() == 0) return std::nullopt;
  return stored_position{std::string(consumer),
                         std::string(stream),
                         shard,
                         {static_cast<std::uint32_t>(rows->integer(0, 0)),
                          static_cast<std::uint64_t>(rows->integer(0, 1))},
                         static_cast<std::uint32_t>(rows->integer(0, 2))};
}

outcome<void> postgres_writer::get_ready_for(const batch& b) {
  std::vector<std::uint32_t> unknown;
  const auto want = [&](std::uint32_t token, market::timestamp t) {
    if (!ids_.id(token, t)) unknown.push_back(token);
  };
  for (const auto& t : b.ticks) {
    want(t.core.token, t.receive);
    partitions_->need(layout_ == tick_layout::rows ? "ticks" : "tick_packs", period::day,
                      t.receive);
  }
  const auto bars = bar_table_name(b.timeframe);
  for (const auto& r : b.bars) {
    want(r.bar.token, r.bar.start);
    partitions_->need(bars, period_of(b.timeframe), r.bar.start);
  }
  for (const auto& f : b.features) {
    if (const auto* chain = f.chain()) {
      for (const auto& o : chain->options) want(o.token, chain->at);
      partitions_->need("chain_features", period::month, chain->at);
      partitions_->need("option_greeks", period::day, chain->at);
    } else {
      want(f.instrument()->token, f.at());
      partitions_->need("instrument_features", period::day, f.at());
    }
  }
  if (!unknown.empty()) {
    if (auto made = db_->instruments().make_up(*c_, unknown); !made) return made;
  }
  return partitions_->make(*c_);
}

outcome<bool> postgres_writer::begin(const batch& b) {
  // The position first: it locks its row, and who stands elsewhere writes nothing.
  std::string sql = "BEGIN";
  for (std::size_t i = 0; i < b.positions.size(); ++i) {
    const auto& before = b.expected[i];
    const auto& after = b.positions[i];
    const auto key = c_->literal(before.consumer) + ", " + c_->literal(before.stream) + ", " +
                     std::to_string(before.shard);
    const auto now = numbers(after.at) + ", " + std::to_string(after.ordinal);
    if (before.at == record::position{}) {
      sql +=
          "; INSERT INTO artham.positions AS p (consumer, stream, shard, epoch, seq, ordinal) "
          "VALUES (" +
          key + ", " + now +
          ") ON CONFLICT (consumer, stream, shard) DO UPDATE SET (epoch, seq, ordinal) = (" + now +
          ") WHERE (p.epoch, p.seq) = (0, 0)";
    } else {
      sql += "; UPDATE artham.positions SET (epoch, seq, ordinal) = (" + now +
             ") WHERE (consumer, stream, shard) = (" + key + ") AND (epoch, seq) = (" +
             numbers(before.at) + ")";
    }
  }
  auto answers = c_->run(sql);
  if (!answers) return tl::unexpected(std::move(answers.error()));
  runtime::failpoint("store.begun");
  for (std::size_t i = 1; i < answers->size(); ++i) {
    if ((*answers)[i].affected() != 1) return false;
  }
  return true;
}

outcome<void> postgres_writer::write_ticks(std::span<const tick_row> ticks) {
  const bool rows = layout_ == tick_layout::rows;
  auto begun = c_->begin_copy(rows ? tick_copy : pack_copy);
  if (!begun) return tl::unexpected(std::move(begun.error()));
  const copy_sink sink = [this](std::string_view data) {
    runtime::failpoint("store.copy");
    return c_->put(data);
  };
  const id_of_token id_of = [this](std::uint32_t token, market::timestamp t) {
    return id(token, t);
  };
  if (auto sent = rows ? copy_ticks(ticks, id_of, sink) : packer_.copy(ticks, id_of, sink); !sent)
    return sent;
  auto ended = c_->end_copy();
  if (!ended) return tl::unexpected(std::move(ended.error()));
  return {};
}

outcome<void> postgres_writer::write_bars(market::timeframe tf,
                                          std::span<const record::bar_record> bars) {
  copy_rows rows;
  for (const auto& r : bars) {
    append_bar(rows, r, id(r.bar.token, r.bar.start));
  }
  rows.finish();
  auto begun = c_->begin_copy(new_bars_copy);
  if (!begun) return tl::unexpected(std::move(begun.error()));
  if (auto sent = c_->put(rows.bytes()); !sent) return sent;
  if (auto ended = c_->end_copy(); !ended) return tl::unexpected(std::move(ended.error()));
  runtime::failpoint("store.staged");
  return done(c_->run(insert_new_bars(bar_table_name(tf)) + "; DELETE FROM pg_temp.new_bars"));
}

outcome<void> postgres_writer::write_gaps(std::span<const market::mark> marks) {
  for (const auto& m : marks) {
    if (m.kind != market::mark_kind::gap) continue;
    const auto from = split(m.from);
    const auto to = split(m.time);
    const std::array<parameter, 8> values{
        std::to_string(m.position.epoch),
        std::to_string(m.position.seq),
        std::to_string(from.since_2000),
        to.since_2000 == INT64_MAX ? parameter() : std::to_string(to.since_2000),
        std::to_string(from.below * 1000 + to.below),
        std::to_string(static_cast<int>(m.cause)),
        m.subject,
        m.tokens.empty() ? parameter() : parameter('{' + joined(m.tokens) + '}')};
    auto put = c_->run(
        "INSERT INTO artham.gaps (epoch, seq, from_ts, to_ts, fraction, cause, detail, "
        "instrument_tokens) VALUES ($1, $2, timestamptz '2000-01-01 00:00:00+00' + $3::bigint * "
        "interval '1 microsecond', "
        "coalesce(timestamptz '2000-01-01 00:00:00+00' + $4::bigint * interval '1 microsecond', "
        "'infinity'), $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        values);
    if (!put) return tl::unexpected(std::move(put.error()));
  }
  return {};
}

outcome<void> postgres_writer::write_quarantines(std::span<const quarantine_row> rows) {
  for (const auto& [place, l] : rows) {
    const std::array<parameter, 12> values{std::to_string(place.epoch),
                                           std::to_string(place.seq),
                                           std::to_string(static_cast<int>(l.what)),
                                           std::to_string(static_cast<int>(l.actor)),
                                           std::to_string(l.token),
                                           std::to_string(l.at.epoch),
                                           std::to_string(l.at.seq),
                                           std::to_string(l.cause.at.epoch),
                                           std::to_string(l.cause.at.seq),
                                           std::to_string(l.cause.ordinal),
                                           std::to_string(l.time),
                                           l.text};
    auto put = c_->run(
        "INSERT INTO artham.quarantines (epoch, seq, what, actor, instrument_token, at_epoch, "
        "at_seq, cause_epoch, cause_seq, cause_ordinal, at_ns, error) VALUES ($1, $2, $3, $4, $5, "
        "$6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
        values);
    if (!put) return tl::unexpected(std::move(put.error()));
  }
  return {};
}

outcome<void> postgres_writer::write(const batch& part) {
  if (!part.ticks.empty()) {
    if (auto w = write_ticks(part.ticks); !w) return w;
  }
  if (!part.bars.empty()) {
    if (auto w = write_bars(part.timeframe, part.bars); !w) return w;
  }
  if (auto w = write_gaps(part.marks); !w) return w;
  if (auto w = write_quarantines(part.quarantines); !w) return w;
  return write_features(*c_, part.features,
                        [this](std::uint32_t token, market::timestamp t) { return id(token, t); });
}

outcome<void> postgres_writer::write_or_bury(const batch& part, commit_report& report) {
  const auto n = size_of(part);
  if (n == 0) return {};
  if (auto saved = c_->run("SAVEPOINT part"); !saved) return done(std::move(saved));
  auto written = write(part);
  if (written) return done(c_->run("RELEASE SAVEPOINT part"));
  if (c_->lost() || !is_about_data(written.error().sqlstate)) return written;
  auto undone = c_->run("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part");
  if (!undone) return done(std::move(undone));
  if (n == 1) {
    if (++report.refused > refused_at_most) {
      return tl::unexpected(
          failure{"55000", "the tables refuse every row: " + written.error().message});
    }
    if (report.reason.empty()) report.reason = written.error().message;
    return bury(part, written.error());
  }
  const auto parts = halves(part);
  if (auto first = write_or_bury(parts.first, report); !first) return first;
  return write_or_bury(parts.second, report);
}

outcome<void> postgres_writer::bury(const batch& row, const failure& why) {
  std::string stream;
  record::cause at;
  std::uint32_t token = 0;
  if (!row.ticks.empty()) {
    stream = record::ticks_stream();
    at.at = row.ticks.front().core.position();
    token = row.ticks.front().core.token;
  } else if (!row.bars.empty()) {
    stream = record::final_bars_stream(market::to_string(row.timeframe));
    at = row.bars.front().cause;
    token = row.bars.front().bar.token;
  } else if (!row.marks.empty()) {
    stream = record::ticks_stream();
    at.at = row.marks.front().position;
  } else if (!row.quarantines.empty()) {
    stream = record::dead_letters_stream();
    at = row.quarantines.front().letter.cause;
    token = row.quarantines.front().letter.token;
  } else {
    const auto& f = row.features.front();
    stream = record::features_stream();
    at = f.cause;
    if (f.instrument() != nullptr) token = f.instrument()->token;
  }
  const std::array<parameter, 6> values{stream,
                                        std::to_string(at.at.epoch),
                                        std::to_string(at.at.seq),
                                        std::to_string(at.ordinal),
                                        std::to_string(token),
                                        why.sqlstate + ": " + why.message};
  return done(
      c_->run("INSERT INTO artham.dead_letters (stream, epoch, seq, ordinal, instrument_token, "
              "reason) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
              values));
}

outcome<bool> postgres_writer::is_stored(std::span<const stored_position> positions) {
  for (const auto& p : positions) {
    const std::array<parameter, 5> values{p.consumer, p.stream, std::to_string(p.shard),
                                          std::to_string(p.at.epoch), std::to_string(p.at.seq)};
    auto rows = c_->run(
        "SELECT 1 FROM artham.positions WHERE (consumer, stream, shard) = ($1, $2, $3) AND (epoch, "
        "seq) = ($4, $5)",
        values);
    if (!rows) return tl::unexpected(std::move(rows.error()));
    if (rows->rows() == 0) return false;
  }
  return true;
}

outcome<commit_report> postgres_writer::try_commit(const batch& b, bool row_by_row) {
  commit_report report;
  const auto written = row_by_row ? write_or_bury(b, report) : write(b);
  if (!written) return tl::unexpected(written.error());
  runtime::failpoint("store.rows");
  runtime::failpoint("store.positioned");
  auto committed = c_->run("COMMIT");
  if (!committed) return tl::unexpected(std::move(committed.error()));
  runtime::failpoint("store.committed");
  return report;
}

result<commit_report> postgres_writer::already_stored(const batch& b) {
  if (auto undone = c_->run("ROLLBACK"); !undone) return tl::unexpected(failed(undone.error()));
  // A COMMIT whose answer was lost with the connection did happen.
  const auto stored = is_stored(b.positions);
  if (!stored) return tl::unexpected(failed(stored.error()));
  if (*stored) return commit_report{};
  const auto& e = b.expected.front();
  const auto present = position(e.consumer, e.stream, e.shard);
  if (!present) return tl::unexpected(present.error());
  const auto at = *present ? (*present)->at : record::position{};
  return fail(errc::conflict, db_->place() + ": " + e.consumer + " of " + e.stream + " stands at " +
                                  text_of(at) + ", not at " + text_of(e.at) +
                                  (at < e.at ? ": the server has lost what it had committed"
                                             : ": another writer stored it"));
}

result<commit_report> postgres_writer::commit(const batch& b) {
  if (!b.ticks.empty() && !db_->what().tick_table)
    return fail(errc::usage, "ticks for a store that keeps none; set store.ticks = table");
  if (auto ready = get_connected(); !ready) return tl::unexpected(ready.error());
  for (int attempt = 0;; ++attempt) {
    if (auto ready = get_ready_for(b); !ready) return tl::unexpected(failed(ready.error()));
    const auto begun = begin(b);
    if (!begun) return tl::unexpected(failed(begun.error()));
    if (!*begun) return already_stored(b);
    auto report = try_commit(b, attempt > 0);
    if (report) return *report;
    auto e = failed(report.error());
    if (attempt > 0 || !c_ || !is_about_data(report.error().sqlstate))
      return tl::unexpected(std::move(e));
    // A partition that was removed meanwhile, or a row that cannot be.
    if (report.error().sqlstate == no_partition) partitions_->forget();
  }
}

result<void> postgres_writer::put_bars(market::timeframe tf,
                                       std::span<const record::bar_record> bars) {
  batch b;
  b.timeframe = tf;
  b.bars = bars;
  const auto put = commit(b);
  if (!put) return tl::unexpected(put.error());
  if (put->refused != 0) {
    return fail(errc::bad_input, db_->place() + " refuses " + std::to_string(put->refused) +
                                     " bars: " + put->reason);
  }
  return {};
}

result<void> postgres_writer::put_instruments(std::span<const market::instrument> list,
                                              market::date valid_from) {
  // A server that was away a moment ago is not waited for again: the next call asks.
  if (patient_ && !c_) {
    db_->put_when_connected({list.begin(), list.end()}, valid_from);
    return {};
  }
  if (auto ready = get_connected(); !ready) return ready;
  const auto put = db_->instruments().put(*c_, list, valid_from);
  if (put) return {};
  auto e = failed(put.error());
  if (!patient_ || !is_transient(e.code)) return tl::unexpected(std::move(e));
  db_->put_when_connected({list.begin(), list.end()}, valid_from);
  c_.reset();
  return {};
}

result<candle_counts> postgres_writer::put_candles(std::string_view source, market::timeframe tf,
                                                   std::span<const market::bar> candles) {
  if (auto ready = get_connected(); !ready) return tl::unexpected(ready.error());
  const auto name = market::to_string(tf);
  copy_rows rows;
  for (const auto& b : candles) {
    rows.row(11);
    rows.text(source);
    rows.int64(b.token);
    rows.text(name);
    rows.time(split(b.start));
    rows.time(split(b.end));
    rows.int64(b.open.units);
    rows.int64(b.high.units);
    rows.int64(b.low.units);
    rows.int64(b.close.units);
    rows.int64(b.volume);
    rows.known((b.fields & market::bar::oi_known) != 0, b.oi);
  }
  rows.finish();
  auto begun = c_->begin_copy(
      "BEGIN; CREATE TEMP TABLE new_candles (LIKE artham.candles) ON COMMIT DROP; COPY "
      "pg_temp.new_candles FROM STDIN (FORMAT binary)");
  if (!begun) return tl::unexpected(failed(begun.error()));
  if (auto sent = c_->put(rows.bytes()); !sent) return tl::unexpected(failed(sent.error()));
  if (auto ended = c_->end_copy(); !ended) return tl::unexpected(failed(ended.error()));
  // xmax is 0 in a row that was not there before.
  auto put = c_->run(
      "WITH put AS (INSERT INTO artham.candles AS c SELECT DISTINCT ON (source, instrument_token, "
      "timeframe, bar_start_ts) * FROM pg_temp.new_candles ON CONFLICT (source, instrument_token, "
      "timeframe, bar_start_ts) DO UPDATE SET bar_end_ts = excluded.bar_end_ts, open = "
      "excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = "
      "excluded.volume, oi = excluded.oi WHERE (c.bar_end_ts, c.open, c.high, c.low, c.close, "
      "c.volume, c.oi) IS DISTINCT FROM (excluded.bar_end_ts, excluded.open, excluded.high, "
      "excluded.low, excluded.close, excluded.volume, excluded.oi) RETURNING xmax = 0 AS is_new) "
      "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM put; COMMIT");
  if (!put) return tl::unexpected(failed(put.error()));
  return candle_counts{static_cast<std::size_t>(put->front().integer(0, 0)),
                       static_cast<std::size_t>(put->front().integer(0, 1))};
}

}  // namespace artham::store::postgres

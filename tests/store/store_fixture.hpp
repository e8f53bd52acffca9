#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "tests/store/any_store.hpp"

namespace artham::test {

inline const auto one_minute = *market::parse_timeframe("1m");

inline record::bar_record bar(std::uint32_t token, market::timestamp start, std::uint64_t cause,
                              std::uint32_t revision = 0) {
  record::bar_record r;
  r.cause = {{1, cause}, 0};
  r.bar.token = token;
  r.bar.start = start;
  r.bar.end = start + market::minute;
  r.bar.open = r.bar.high = r.bar.low =
      r.bar.close = {100 * market::price_scale + static_cast<std::int64_t>(cause)};
  r.bar.volume = 12;
  r.bar.fields = market::bar::volume_known;
  r.bar.ticks = 3;
  r.bar.flags = static_cast<std::uint16_t>(market::bar_flag::gap);
  r.bar.revision = revision;
  r.bar.first = {1, 5};
  r.bar.last = {1, 9};
  return r;
}

inline market::instrument infy(std::uint32_t token = 408065, std::int64_t lot = 1) {
  market::instrument i;
  i.token = token;
  i.exchange = "NSE";
  i.symbol = "INFY";
  i.type = "EQ";
  i.segment = "NSE";
  i.lot_size = lot;
  return i;
}

/// Commits as consumer c of stream s, from one position to another.
inline result<store::commit_report> commit_between(store::writer& writer, store::batch b,
                                                   std::uint64_t from, std::uint64_t to) {
  const store::stored_position before{"c", "s", 0, {from == 0 ? 0U : 1U, from}, 0};
  const store::stored_position after{"c", "s", 0, {1, to}, 0};
  b.expected = {&before, 1};
  b.positions = {&after, 1};
  return writer.commit(b);
}

/// A store with the table of one timeframe, whose commits follow each other.
struct fixture {
  explicit fixture(bool tick_table = true) : table(tick_table) { open(); }
  void open() {
    db.reset();
    auto opened = files->open({table, {one_minute}});
    REQUIRE_MESSAGE(opened, opened.error().message);
    db = std::move(*opened);
  }
  result<store::commit_report> commit(std::vector<record::bar_record> bars, std::uint64_t from,
                                      std::uint64_t to, std::vector<store::tick_row> ticks = {},
                                      std::vector<market::mark> marks = {}) {
    store::batch b;
    b.timeframe = one_minute;
    b.bars = bars;
    b.ticks = ticks;
    b.marks = marks;
    return commit_between(db->writing(), b, from, to);
  }
  std::unique_ptr<any_store> files = make_store();
  bool table;
  std::unique_ptr<store::database> db;
};

inline store::quarantine_row stopped(std::uint64_t place, std::uint32_t token, std::uint64_t at) {
  store::quarantine_row row;
  row.place = {1, place};
  row.letter.what = record::letter_kind::actor;
  row.letter.token = token;
  row.letter.at = {1, at};
  row.letter.cause = {{1, at}, 0};
  row.letter.time = 10 * market::second;
  row.letter.text = "dies";
  return row;
}

inline result<store::commit_report> commit_quarantines(store::database& db,
                                                       std::vector<store::quarantine_row> rows,
                                                       std::uint64_t from, std::uint64_t to) {
  store::batch b;
  b.quarantines = rows;
  const store::stored_position before{
      "quarantine_store", "md:deadletter", 0, {from == 0 ? 0U : 1U, from}, 0};
  const store::stored_position after{"quarantine_store", "md:deadletter", 0, {1, to}, 0};
  b.expected = {&before, 1};
  b.positions = {&after, 1};
  return db.writing().commit(b);
}

}  // namespace artham::test

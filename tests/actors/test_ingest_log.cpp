#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "actors/ingest/ingest_log.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/mark_codec.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using actors::feed_event;

const feed::kite::frame_decoder decoder;

struct ingest_run {
  explicit ingest_run(market::timestamp previous = 0, bool continuous = false)
      : calendar(config::load_calendar("NSE")->calendar),
        open(calendar->day(market::make_date(2026, 11, 20)).sessions.front().open),
        ingest(
            {{calendar}, 250 * market::millisecond, 3 * market::second, {}, previous, continuous},
            decoder) {}

  /// The marks that the event makes; frames are counted.
  std::vector<market::mark> on(feed_event e) {
    actors::record_batch out;
    ingest.on(e, out);
    std::vector<market::mark> marks;
    record::block b;
    b.payload = out.bytes;
    b.first_seq = 1;
    record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
      if (h.kind == record::kind::mark)
        marks.push_back(*record::decode_mark(h, {1, seq}, body));
      else
        ++frames;
    });
    return marks;
  }
  std::vector<market::mark> live(market::timestamp t) {
    return on({t, t, feed::state_change{feed::state::live}});
  }
  std::vector<market::mark> time(market::timestamp t) { return on({t, t, actors::time_event{}}); }

  market::calendar_ptr calendar;
  market::timestamp open;
  actors::ingest_log ingest;
  int frames = 0;
};

std::vector<market::mark_kind> kinds(const std::vector<market::mark>& marks) {
  std::vector<market::mark_kind> all;
  for (const auto& m : marks) all.push_back(m.kind);
  return all;
}

}  // namespace

TEST_CASE("a first start is an epoch and a clock mark, whatever the hour") {
  ingest_run l;
  const auto night = l.open - 6 * market::hour;
  const auto marks = l.live(night + 1);
  REQUIRE(kinds(marks) == std::vector{market::mark_kind::epoch, market::mark_kind::clock});
  CHECK(marks[1].time == night);
  CHECK(l.time(night + market::minute).empty());
}

TEST_CASE("clock marks are exact multiples from a session's open to its close + lateness + 1 s") {
  ingest_run l;
  l.live(l.open - market::minute);
  std::vector<market::timestamp> clocks;
  for (auto t = l.open - market::second; t < l.open + market::second;
       t += 100 * market::millisecond) {
    for (const auto& m : l.time(t)) {
      if (m.kind == market::mark_kind::clock) clocks.push_back(m.time);
    }
  }
  REQUIRE(clocks.size() == 4);
  CHECK(clocks.front() == l.open);
  CHECK(clocks.back() == l.open + 750 * market::millisecond);
  const auto close = l.calendar->session_at(l.open)->close;
  market::timestamp last = 0;
  for (const auto& m : l.time(close + market::hour)) last = std::max(last, m.time);
  CHECK(last == close + 4 * market::second);
}

TEST_CASE("a loss is told when it begins, and with its length and cause when it is over") {
  ingest_run l;
  l.live(l.open);
  l.time(l.open + 10 * market::second);
  const auto begins = l.on({l.open + 10 * market::second, 0,
                            feed::state_change{feed::state::backing_off, market::gap_cause::stalled,
                                               "no byte for 5 s", l.open + 5 * market::second}});
  REQUIRE(begins.size() == 1);
  CHECK(begins[0].flag == market::gap_begins);
  CHECK(begins[0].from == l.open + 5 * market::second);
  const auto over = l.live(l.open + 17 * market::second);
  REQUIRE(over.size() >= 2);
  CHECK(over[0].kind == market::mark_kind::gap);
  CHECK(over[0].from == l.open + 5 * market::second);
  CHECK(over[0].time == l.open + 17 * market::second);
  CHECK(over[0].cause == market::gap_cause::stalled);
  CHECK(over[1].kind == market::mark_kind::clock);
}

TEST_CASE("a loss that does not say when the feed was last heard begins when it is told") {
  ingest_run l;
  l.live(l.open);
  l.on({l.open + market::second, 0,
        feed::state_change{feed::state::backing_off, market::gap_cause::disconnected}});
  const auto over = l.live(l.open + 3 * market::second);
  REQUIRE_FALSE(over.empty());
  CHECK(over[0].kind == market::mark_kind::gap);
  CHECK(over[0].from == l.open + market::second);
}

TEST_CASE(
    "a restart is a new epoch and a gap from the last journaled time, unless the feed goes on just "
    "there") {
  ingest_run at;
  const auto previous = at.open + market::hour;
  ingest_run l(previous);
  const auto marks = l.live(previous + market::minute);
  REQUIRE(marks.size() >= 3);
  CHECK(marks[0].kind == market::mark_kind::epoch);
  CHECK(marks[1].kind == market::mark_kind::gap);
  CHECK(marks[1].from == previous);
  CHECK(marks[1].time == previous + market::minute);
  CHECK(marks[1].cause == market::gap_cause::restart);
  ingest_run resumed(previous, true);
  for (const auto& m : resumed.live(previous)) CHECK(m.kind != market::mark_kind::gap);
}

TEST_CASE("a frame is kept verbatim and counts its packets") {
  ingest_run l;
  l.live(l.open);
  market::tick t;
  t.token = 408065;
  t.mode = market::tick_mode::ltp;
  t.last.units = 1500 * market::price_scale;
  feed::kite::frame_builder frame;
  REQUIRE(frame.add(t));
  REQUIRE(frame.add(t));
  const auto bytes = frame.finish();
  actors::record_batch out;
  l.ingest.on({l.open, 7, actors::frame_event{bytes}}, out);
  CHECK(out.count == 2);
  CHECK(out.bytes.substr(record::header_size) == bytes);
  CHECK(out.tokens == std::vector<std::uint32_t>{408065, 408065});
}

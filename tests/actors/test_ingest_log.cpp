#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/ingest/ingest_log.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"

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

namespace {

/// A frame of one packet, as what the log makes of it.
feed_event frame_at(market::timestamp t) {
  market::tick tick;
  tick.token = 408065;
  tick.mode = market::tick_mode::ltp;
  tick.last.units = 1500 * market::price_scale;
  feed::kite::frame_builder frame;
  REQUIRE(frame.add(tick));
  return {t, t, actors::frame_event{frame.finish()}};
}

std::vector<market::mark> marks_in(const actors::record_batch& out) {
  std::vector<market::mark> marks;
  record::block b;
  b.payload = out.bytes;
  b.first_seq = 1;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    REQUIRE(h.kind == record::kind::mark);
    marks.push_back(*record::decode_mark(h, {1, seq}, body));
  });
  return marks;
}
std::vector<market::mark> resumed(ingest_run& l) {
  actors::record_batch out;
  l.ingest.resume(out);
  return marks_in(out);
}
/// The frame at `t` finds no room.
std::vector<market::mark> lose_frame(ingest_run& l, market::timestamp t) {
  actors::record_batch out;
  l.ingest.on(frame_at(t), out);
  l.ingest.drop(out);
  CHECK(out.count == 0);
  l.ingest.lose("no room", false, out);
  return marks_in(out);
}

}  // namespace

TEST_CASE("a full disk is a gap from the last kept record to the first one after it") {
  ingest_run l;
  l.live(l.open);
  l.on(frame_at(l.open + 5 * market::second));
  const auto begins = lose_frame(l, l.open + 6 * market::second);
  REQUIRE(begins.size() == 1);
  CHECK(begins[0].kind == market::mark_kind::gap);
  CHECK(begins[0].cause == market::gap_cause::disk_full);
  CHECK(begins[0].flag == market::gap_begins);
  CHECK(begins[0].from == l.open + 5 * market::second);
  // Should the program end now, the next start tells a gap from there.
  CHECK(begins[0].time == l.open + 5 * market::second);
  CHECK(begins[0].subject == "no room");
  CHECK(l.ingest.is_losing());
  CHECK(l.on(frame_at(l.open + 7 * market::second)).empty());
  CHECK(l.time(l.open + 20 * market::second).empty());
  CHECK(l.frames == 1);
  CHECK(l.ingest.counts().ticks == 1);
  CHECK(l.ingest.counts().dropped_ticks == 2);
  CHECK(l.ingest.counts().dropped_frames == 2);
  const auto over = resumed(l);
  REQUIRE(kinds(over) == std::vector{market::mark_kind::gap, market::mark_kind::clock});
  CHECK(over[0].cause == market::gap_cause::disk_full);
  CHECK(over[0].flag == 0);
  CHECK(over[0].from == l.open + 5 * market::second);
  CHECK(over[0].time == l.open + 20 * market::second);
  CHECK(over[1].time == l.open + 20 * market::second);
  CHECK_FALSE(l.ingest.is_losing());
  l.on(frame_at(l.open + 21 * market::second));
  CHECK(l.frames == 2);
  const auto more = l.time(l.open + 21 * market::second);
  REQUIRE(!more.empty());
  CHECK(more.front().time == l.open + 20 * market::second + 250 * market::millisecond);
}

TEST_CASE("marks that found a place are not lost: the gap begins behind them") {
  ingest_run l;
  l.live(l.open);
  REQUIRE(!l.time(l.open + market::second).empty());
  actors::record_batch out;
  l.ingest.lose("no room", true, out);
  CHECK(marks_in(out)[0].from == l.open + market::second);
  l.time(l.open + 2 * market::second);
  CHECK(resumed(l)[0].from == l.open + market::second);
}

TEST_CASE("subscriptions that change while the disk is full are told when there is room") {
  ingest_run l;
  l.live(l.open);
  lose_frame(l, l.open + market::second);
  const auto t = l.open + 2 * market::second;
  const auto full = market::tick_mode::full;
  CHECK(l.on({t, t, actors::subscription_event{{9, 3, 5}, full, true}}).empty());
  CHECK(l.on({t, t, actors::subscription_event{{5}, full, false}}).empty());
  const auto over = resumed(l);
  REQUIRE(over.size() >= 3);
  CHECK(over[0].kind == market::mark_kind::gap);
  CHECK(over[1].kind == market::mark_kind::subscription);
  CHECK(over[1].flag == 0);
  CHECK(over[1].tokens == std::vector<std::uint32_t>{5});
  CHECK(over[2].flag == 1);
  CHECK(over[2].mode == full);
  CHECK(over[2].tokens == std::vector<std::uint32_t>{3, 9});
}

TEST_CASE("a feed that is lost while the disk is full") {
  ingest_run l;
  l.live(l.open);
  l.time(l.open + 10 * market::second);
  const auto lost = [&](market::timestamp t) {
    return l.on(
        {t, t,
         feed::state_change{feed::state::backing_off, market::gap_cause::disconnected, "gone", t}});
  };
  SUBCASE("and comes back meanwhile adds nothing") {
    lose_frame(l, l.open + 11 * market::second);
    CHECK(lost(l.open + 12 * market::second).empty());
    CHECK(l.live(l.open + 13 * market::second).empty());
    l.time(l.open + 14 * market::second);
    const auto over = resumed(l);
    REQUIRE(kinds(over) == std::vector{market::mark_kind::gap, market::mark_kind::clock});
    CHECK(over[0].cause == market::gap_cause::disk_full);
    CHECK(over[0].time == l.open + 14 * market::second);
  }
  SUBCASE("and is still lost afterwards is told as lost") {
    lose_frame(l, l.open + 11 * market::second);
    lost(l.open + 12 * market::second);
    l.time(l.open + 14 * market::second);
    const auto over = resumed(l);
    REQUIRE(over.size() == 3);
    CHECK(over[0].cause == market::gap_cause::disk_full);
    CHECK(over[1].flag == market::gap_begins);
    CHECK(over[1].cause == market::gap_cause::disconnected);
    CHECK(over[1].from == l.open + 12 * market::second);
    const auto back = l.live(l.open + 20 * market::second);
    REQUIRE(!back.empty());
    CHECK(back[0].cause == market::gap_cause::disconnected);
    CHECK(back[0].from == l.open + 12 * market::second);
    CHECK(back[0].time == l.open + 20 * market::second);
  }
  SUBCASE("and was lost before has a gap of its own") {
    lost(l.open + 11 * market::second);
    l.time(l.open + 12 * market::second);
    actors::record_batch out;
    l.ingest.lose("no room", true, out);
    CHECK(l.live(l.open + 13 * market::second).empty());
    l.time(l.open + 15 * market::second);
    const auto over = resumed(l);
    REQUIRE(over.size() == 3);
    CHECK(over[0].cause == market::gap_cause::disconnected);
    CHECK(over[0].from == l.open + 11 * market::second);
    CHECK(over[0].time == l.open + 13 * market::second);
    CHECK(over[1].cause == market::gap_cause::disk_full);
    CHECK(over[1].from == l.open + 12 * market::second);
    CHECK(over[1].time == l.open + 15 * market::second);
  }
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

namespace {

constexpr std::uint32_t infy = 408065;
constexpr std::uint32_t tcs = 2953217;

/// SUM = NSE:INFY + NSE:TCS, and TWICE = 2 * NSE:TCS.
struct formula_run {
  formula_run() : plan(make_plan()), ingest(options(), decoder) {
    actors::record_batch out;
    const auto t = calendar_of.open;
    ingest.on({t, t, feed::state_change{feed::state::live}}, out);
  }
  static std::shared_ptr<const market::formula::formula_plan> make_plan() {
    std::vector<market::instrument> list(2);
    list[0].token = infy;
    list[0].symbol = "INFY";
    list[1].token = tcs;
    list[1].symbol = "TCS";
    for (auto& i : list) i.exchange = "NSE";
    const std::vector<std::string> texts{"SUM = NSE:INFY + NSE:TCS", "TWICE = 2 * NSE:TCS"};
    const auto calendar = config::load_calendar("NSE")->calendar;
    return *market::formula::formula_plan::make(*market::formula::parse_formulas(texts), list,
                                                [&](std::string_view) { return calendar; });
  }
  [[nodiscard]] actors::ingest_options options() const {
    actors::ingest_options o;
    o.calendars = {calendar_of.calendar};
    o.formulas = plan;
    return o;
  }
  /// A frame of one packet a token, at so many seconds behind the open.
  actors::record_batch frame(const std::vector<std::uint32_t>& tokens, int seconds, int rupees) {
    const auto t = calendar_of.open + seconds * market::second;
    feed::kite::frame_builder frame;
    for (const auto token : tokens) {
      market::tick tick;
      tick.token = token;
      tick.mode = market::tick_mode::ltp;
      tick.last.units = rupees * market::price_scale;
      REQUIRE(frame.add(tick));
    }
    actors::record_batch out;
    ingest.on({t, t + 7, actors::frame_event{frame.finish()}}, out);
    return out;
  }

  ingest_run calendar_of;
  std::shared_ptr<const market::formula::formula_plan> plan;
  actors::ingest_log ingest;
};

struct placed_record {
  record::header header;
  std::uint64_t seq = 0;
  std::string body;
};
/// As the journal gives them places when the first one gets 100.
std::vector<placed_record> records_in(const actors::record_batch& out) {
  REQUIRE(record::check_payload(out.bytes, out.count));
  record::block b;
  b.epoch = 3;
  b.first_seq = 100;
  b.payload = out.bytes;
  std::vector<placed_record> all;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    all.push_back({h, seq, std::string(body)});
  });
  return all;
}

}  // namespace

TEST_CASE("ticks of formulas follow the frame that made them, in the same append") {
  formula_run run;
  const auto out = run.frame({infy, tcs}, 1, 1500);
  const auto records = records_in(out);
  REQUIRE(records.size() == 2);
  CHECK(records[0].header.kind == record::kind::kite_frame);
  CHECK(records[1].header.kind == record::kind::packed_ticks);
  CHECK(record::receive_time(records[1].header) == run.calendar_of.open + market::second);
  CHECK(record::wall_time(records[1].header) == run.calendar_of.open + market::second + 7);
  std::vector<market::bar_input> ticks;
  REQUIRE(record::decode_ticks({3, records[1].seq}, records[1].body, ticks));
  REQUIRE(ticks.size() == 2);
  CHECK(ticks[0].position() == market::position{3, 102});
  CHECK(ticks[1].position() == market::position{3, 103});
  CHECK(ticks[0].token == market::formula::token_of("SUM"));
  CHECK(ticks[0].last.units == 3000 * market::price_scale);
  CHECK(ticks[0].time == run.calendar_of.open + market::second);
  CHECK(ticks[1].token == market::formula::token_of("TWICE"));
  CHECK(out.tokens == std::vector<std::uint32_t>{infy, tcs, ticks[0].token, ticks[1].token});
  CHECK(run.ingest.counts().ticks == 2);
}

TEST_CASE("a frame without a leg, or with one too few, is alone") {
  formula_run run;
  CHECK(records_in(run.frame({7}, 1, 10)).size() == 1);
  CHECK(records_in(run.frame({infy}, 1, 10)).size() == 1);
  CHECK(run.ingest.formula_counts()[0].silent == 1);
  CHECK(records_in(run.frame({tcs}, 2, 10)).size() == 2);
  CHECK(records_in(run.frame({infy}, 62, 10)).size() == 2);
  CHECK(records_in(run.frame({infy}, 63, 10)).size() == 1);
  const auto counts = run.ingest.formula_counts();
  CHECK(counts[0].ticks == 2);
  CHECK(counts[0].silent == 2);
  CHECK(counts[1].ticks == 1);
  CHECK(counts[1].silent == 0);
}

TEST_CASE("a frame that finds no room takes its formulas' ticks along, and legs are heard anew") {
  formula_run run;
  run.frame({infy, tcs}, 1, 10);
  auto lost = run.frame({infy, tcs}, 2, 20);
  CHECK(lost.count == 4);
  run.ingest.drop(lost);
  CHECK(lost.count == 0);
  CHECK(run.ingest.counts().ticks == 2);
  CHECK(run.ingest.counts().dropped_ticks == 2);
  CHECK(run.ingest.formula_counts()[0].ticks == 1);
  run.ingest.lose("no room", false, lost);
  run.ingest.resume(lost);
  CHECK(records_in(run.frame({infy}, 3, 30)).size() == 1);
  CHECK(records_in(run.frame({tcs}, 3, 30)).size() == 2);
}

namespace {

using tokens = std::vector<std::uint32_t>;

feed::state_change lost(std::uint32_t connection, std::optional<tokens> of,
                        market::gap_cause cause = market::gap_cause::disconnected,
                        feed::state state = feed::state::backing_off) {
  feed::state_change c;
  c.state = state;
  c.cause = cause;
  c.connection = connection;
  c.tokens = std::move(of);
  return c;
}

feed::state_change live(std::uint32_t connection) {
  feed::state_change c;
  c.state = feed::state::live;
  c.connection = connection;
  return c;
}

}  // namespace

TEST_CASE("the loss of one of several connections names its instruments, from begin to end") {
  ingest_run l;
  const auto at = [&](int s) { return l.open + s * market::second; };
  l.on({at(0), 0, live(0)});
  l.on({at(0), 0, live(1)});
  const auto first = l.on({at(1), 0, lost(1, tokens{3, 4})});
  REQUIRE(kinds(first).back() == market::mark_kind::gap);
  CHECK(first.back().flag == market::gap_begins);
  CHECK(first.back().tokens == tokens{3, 4});
  // Each connection's loss is its own.
  const auto second = l.on({at(2), 0, lost(0, tokens{1, 2})});
  CHECK(second.back().tokens == tokens{1, 2});
  CHECK(second.back().from == at(2));
  CHECK(l.on({at(2), 0, lost(0, tokens{1, 2})}).empty());
  const auto over = l.on({at(3), 0, live(1)});
  REQUIRE(over.size() >= 2);
  CHECK(over[0].kind == market::mark_kind::gap);
  CHECK(over[0].flag == 0);
  CHECK(over[0].from == at(1));
  CHECK(over[0].time == at(3));
  CHECK(over[0].tokens == tokens{3, 4});
  const auto other = l.on({at(4), 0, live(0)});
  CHECK(other[0].from == at(2));
  CHECK(other[0].tokens == tokens{1, 2});
  CHECK(l.ingest.counts().gaps == 2);
}

TEST_CASE("what is subscribed elsewhere meanwhile is not lost any more; nothing lost is no gap") {
  ingest_run l;
  const auto at = [&](int s) { return l.open + s * market::second; };
  l.on({at(0), 0, live(0)});
  l.on({at(0), 0, live(1)});
  l.on({at(0), 0, live(2)});
  l.on({at(1), 0, lost(1, tokens{3, 4, 5})});
  l.on({at(1), 0, lost(2, tokens{6})});
  l.on({at(2), 0, actors::subscription_event{{6, 4}, market::tick_mode::full, true}});
  const auto over = l.on({at(3), 0, live(1)});
  CHECK(over[0].tokens == tokens{3, 5});
  // A mark without tokens would be a gap of all.
  for (const auto& m : l.on({at(4), 0, live(2)})) CHECK(m.kind != market::mark_kind::gap);
  for (const auto& m : l.on({at(5), 0, lost(2, tokens{})})) CHECK(m.kind != market::mark_kind::gap);
  for (const auto& m : l.on({at(6), 0, live(2)})) CHECK(m.kind != market::mark_kind::gap);
  CHECK(l.ingest.counts().gaps == 1);
}

TEST_CASE("after a restart the gap goes on for connections that are not there yet") {
  const auto absent = lost(1, tokens{3}, market::gap_cause::restart, feed::state::connecting);
  ingest_run at_first;
  const auto previous = at_first.open + market::hour;
  at_first.on({previous, 0, live(0)});
  CHECK(at_first.on({previous, 0, absent}).empty());

  ingest_run l(previous);
  const auto at = [&](int s) { return previous + s * market::second; };
  const auto whole = l.on({at(60), 0, live(0)});
  REQUIRE(whole[1].kind == market::mark_kind::gap);
  CHECK(whole[1].tokens.empty());
  const auto begins = l.on({at(60), 0, absent});
  REQUIRE(begins.size() == 1);
  CHECK(begins[0].flag == market::gap_begins);
  CHECK(begins[0].from == at(60));
  CHECK(begins[0].tokens == tokens{3});
  const auto over = l.on({at(75), 0, live(1)});
  CHECK(over[0].from == at(60));
  CHECK(over[0].time == at(75));
  CHECK(over[0].cause == market::gap_cause::restart);
  CHECK(over[0].tokens == tokens{3});
}

TEST_CASE("losses of connections before and while the disk is full are told when it has room") {
  ingest_run l;
  const auto at = [&](int s) { return l.open + s * market::second; };
  for (std::uint32_t c = 0; c < 4; ++c) l.on({at(0), 0, live(c)});
  l.on({at(1), 0, lost(0, tokens{1})});
  l.on({at(1), 0, lost(1, tokens{2})});
  l.on({at(2), 0, actors::time_event{}});
  actors::record_batch out;
  l.ingest.lose("full", true, out);
  CHECK(l.on({at(3), 0, live(0)}).empty());
  CHECK(l.on({at(3), 0, lost(2, tokens{3})}).empty());
  CHECK(l.on({at(3), 0, lost(3, tokens{4})}).empty());
  CHECK(l.on({at(4), 0, live(3)}).empty());
  out.clear();
  l.ingest.resume(out);
  std::vector<market::mark> marks;
  record::block b;
  b.payload = out.bytes;
  b.first_seq = 1;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    marks.push_back(*record::decode_mark(h, {1, seq}, body));
  });
  REQUIRE(marks.size() >= 4);
  CHECK(marks[0].tokens == tokens{1});
  CHECK(marks[0].from == at(1));
  CHECK(marks[0].time == at(3));
  CHECK(marks[1].cause == market::gap_cause::disk_full);
  CHECK(marks[1].tokens.empty());
  // That one ended all losses; two go on.
  CHECK(marks[2].tokens == tokens{2});
  CHECK(marks[2].flag == market::gap_begins);
  CHECK(marks[3].tokens == tokens{3});
  CHECK(marks[3].flag == market::gap_begins);
  CHECK(marks[4].kind == market::mark_kind::clock);
}

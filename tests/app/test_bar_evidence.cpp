#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "app/bar_evidence.hpp"
#include "app/bar_files.hpp"
#include "app/rebuild.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using market::second;

constexpr std::uint32_t infy = 408'065;
constexpr std::uint32_t other = 256'265;

/// A time of day in India on 2026-11-20, a Friday, or days later.
market::timestamp at(const std::string& time_of_day, int days_later = 0) {
  return *market::parse_rfc3339("2026-11-20T" + time_of_day + "+05:30") + days_later * market::day;
}

/// A journal written record by record, and the bars that it gives.
class journal {
 public:
  explicit journal(std::uint64_t block = 262'144)
      : bridge_(bridge::memory::make({.max_block_records = block})) {}

  void epoch(market::timestamp t, const std::string& timeframes = "1m 5m",
             const std::string& lateness = "3s") {
    writer_.reset();
    writer_ = std::move(*bridge_->open_writer(record::ticks_stream(), bridge_->last_epoch() + 1));
    config::settings_sources sources;
    sources.sets = {"bars.timeframes=" + timeframes, "bars.lateness=" + lateness};
    market::mark m;
    m.kind = market::mark_kind::epoch;
    m.time = t;
    m.hashes.settings =
        *bridge_->put_object(config::canonical_text(*config::load_settings(sources)));
    m.hashes.calendar =
        *bridge_->put_object(app::load_calendar_set(config::builtin_calendar_names())->text);
    market::instrument i;
    i.token = infy;
    i.exchange = "NSE";
    i.symbol = "INFY";
    m.hashes.instruments = *bridge_->put_object(market::write_instruments({i}));
    mark(m);
  }
  void clock(market::timestamp t) {
    market::mark m;
    m.time = t;
    mark(m);
  }
  void gap(market::timestamp from, market::timestamp to) {
    market::mark m;
    m.kind = market::mark_kind::gap;
    m.cause = market::gap_cause::restart;
    m.from = from;
    m.time = to;
    mark(m);
  }
  void subscribed(market::timestamp t, std::vector<std::uint32_t> tokens = {other, infy}) {
    market::mark m;
    m.kind = market::mark_kind::subscription;
    m.flag = 1;
    m.time = t;
    m.tokens = std::move(tokens);
    mark(m);
  }
  void tick(market::timestamp t, std::int64_t rupees, std::int64_t volume,
            std::uint32_t token = infy) {
    market::bar_input i;
    i.token = token;
    i.time = t;
    i.last = {rupees * market::price_scale};
    i.volume_or_size = volume;
    i.fields = market::bar_input::volume;
    std::string body;
    record::encode(body, {&i, 1});
    append(record::kind::packed_ticks, t, body, {&token, 1});
  }
  /// The builder of INFY died twice of the record that was written last.
  void quarantine_last() {
    record::dead_letter l;
    l.token = infy;
    l.at = l.cause.at = bridge_->stream_tops(record::ticks_stream())->appended;
    std::string body;
    record::encode(body, l);
    std::string bytes;
    record::append(bytes, record::with_cause(record::kind::dead_letter, l.cause), body);
    const auto letters = std::move(*bridge_->open_writer(record::dead_letters_stream(), 1));
    REQUIRE(letters->append(bytes, 1, {}));
  }
  bridge::memory::memory_bridge& bridge() { return *bridge_; }

  /// As the program makes them.
  std::vector<record::bar_record> bars(const std::string& timeframe) {
    const auto rules = app::rules_of(*bridge_);
    REQUIRE_MESSAGE(rules, rules.error().message);
    const auto outputs = bridge::memory::make();
    app::rebuild_options how;
    how.quarantines = *app::read_quarantines(*bridge_);
    REQUIRE(app::rebuild(*bridge_, rules->periods, *outputs, how));
    return *app::bars_of(*outputs, *market::parse_timeframe(timeframe));
  }

 private:
  void mark(const market::mark& m) { append(record::kind::mark, m.time, record::encode(m), {}); }
  void append(record::kind k, market::timestamp t, const std::string& body,
              std::span<const std::uint32_t> tokens) {
    std::string bytes;
    record::append(bytes, record::with_times(k, 1, t, t), body);
    REQUIRE(writer_->append(bytes, 1, tokens));
  }

  std::unique_ptr<bridge::memory::memory_bridge> bridge_;
  std::unique_ptr<bridge::writer> writer_;
};

/// Five minutes of both instruments from a time on, with clock marks.
void five_minutes(journal& j, market::timestamp from, std::int64_t volume = 100) {
  for (int s = 0; s < 300; ++s) {
    const auto now = from + s * second;
    j.clock(now);
    if (s % 7 == 1) j.tick(now, 100 + s % 13, volume += s % 5);
    if (s % 3 == 0) j.tick(now, 200, 10 * s, other);
    if (s % 97 == 96) j.tick(now - 40 * second, 90, volume - 3);
  }
  for (int s = 300; s < 310; ++s) j.clock(from + s * second);
}

struct prover {
  explicit prover(journal& j) : reader(j.bridge(), decoder) {}
  result<web::bar_evidence> of(const std::string& timeframe, const record::bar_record& stored) {
    return reader.read(*market::parse_timeframe(timeframe), stored);
  }
  feed::kite::frame_decoder decoder;
  app::evidence_reader reader;
};

/// Every bar is proven; returns how many there are.
std::size_t check_all(journal& j, const std::string& timeframe) {
  prover p(j);
  const auto all = j.bars(timeframe);
  for (const auto& r : all) {
    CAPTURE(market::to_rfc3339(r.bar.start, market::india_offset));
    CAPTURE(r.bar.revision);
    const auto e = p.of(timeframe, r);
    REQUIRE_MESSAGE(e, e.error().message);
    CHECK_MESSAGE(e->equal(), (e->differences.empty() ? "" : e->differences.front().column));
    CHECK(e->replayed_to == r.cause.at);
  }
  return all.size();
}

bool has(const error& e, const std::string& part) {
  return e.message.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every bar of a journal is proven by it, whatever its blocks") {
  for (const std::uint64_t block : {1U, 50U, 262'144U}) {
    journal j(block);
    j.epoch(at("08:55:00"));
    j.subscribed(at("08:55:00"));
    five_minutes(j, at("09:15:00"));
    // Killed and started again: the loss lies inside a bar.
    j.epoch(at("09:21:20"));
    j.gap(at("09:20:09"), at("09:21:20"));
    j.subscribed(at("09:21:20"));
    five_minutes(j, at("09:21:21"), 900);
    // The next day, still the same epoch.
    five_minutes(j, at("09:15:00", 3), 0);
    const auto revised = j.bars("1m");
    CHECK(std::ranges::any_of(revised, [](const auto& r) { return r.bar.revision != 0; }));
    CHECK(check_all(j, "1m") > 20);
    CHECK(check_all(j, "5m") > 5);
  }
}

TEST_CASE("event bars are proven by their ticks, also those that late ones cut anew or withdrew") {
  journal j;
  j.epoch(at("08:55:00"), "1m 3t 2.5r 20v");
  j.subscribed(at("08:55:00"));
  five_minutes(j, at("09:15:00"));
  // Two of an instant, on both sides of a bar's end.
  for (int i = 0; i < 7; ++i) j.tick(at("09:20:11"), 100 + i, 9'000 + i);
  for (int s = 11; s < 30; ++s) j.clock(at("09:20:00") + s * second);
  for (const auto* timeframe : {"3t", "2.5r", "20v"}) {
    const auto all = j.bars(timeframe);
    CHECK(std::ranges::any_of(all, [](const auto& r) { return r.bar.revision != 0; }));
    CHECK(check_all(j, timeframe) == all.size());
    prover p(j);
    for (const auto& r : all) {
      const auto e = p.of(timeframe, r);
      REQUIRE(e);
      const auto used = std::ranges::count_if(e->ticks, [](const auto& t) {
        return t.fate == market::tick_fate::used || t.fate == market::tick_fate::late;
      });
      CHECK(used == r.bar.ticks);
    }
  }
  CHECK(std::ranges::any_of(j.bars("2.5r"), [](const auto& r) { return r.bar.ticks == 0; }));
}

TEST_CASE("a stored bar that its ticks do not make is told by column") {
  journal j;
  j.epoch(at("08:55:00"));
  j.subscribed(at("08:55:00"));
  five_minutes(j, at("09:15:00"));
  prover p(j);
  auto stored = j.bars("1m").at(1);
  stored.bar.high.units += 5 * market::price_scale / 100;
  stored.bar.volume += 7;
  const auto e = p.of("1m", stored);
  REQUIRE(e);
  CHECK_FALSE(e->equal());
  REQUIRE(e->differences.size() == 2);
  CHECK(e->differences[0].column == "high");
  CHECK(e->differences[0].stored == market::to_string(stored.bar.high));
  CHECK(e->differences[1].column == "volume");
  CHECK_FALSE(e->ticks.empty());

  stored = j.bars("1m").at(1);
  stored.bar.revision = 9;
  const auto none = p.of("1m", stored);
  REQUIRE(none);
  CHECK_FALSE(none->equal());
  CHECK_FALSE(none->recomputed);
}

TEST_CASE("a bar is proven by the rules that made it") {
  journal j;
  j.epoch(at("08:55:00"), "1m", "3s");
  j.subscribed(at("08:55:00"));
  five_minutes(j, at("09:15:00"));
  SUBCASE("other lateness") {
    j.epoch(at("09:21:00"), "1m", "8s");
    j.subscribed(at("09:21:00"));
    five_minutes(j, at("09:22:00"), 900);
    CHECK(check_all(j, "1m") > 8);
  }
  SUBCASE("a timeframe that was added later is made from the beginning") {
    j.epoch(at("09:21:00"), "1m 2m", "8s");
    j.subscribed(at("09:21:00"));
    five_minutes(j, at("09:22:00"), 900);
    CHECK(check_all(j, "2m") > 4);
    CHECK(check_all(j, "1m") > 8);
  }
}

TEST_CASE("a loss that was over before an instrument was named again concerns it all the same") {
  journal j;
  j.epoch(at("08:55:00"));
  j.subscribed(at("08:55:00"));
  five_minutes(j, at("09:15:00"));
  // Started the evening before; the feed comes up during the session.
  j.epoch(at("23:00:00", 2));
  j.gap(at("09:20:09"), at("09:16:30", 3));
  j.subscribed(at("09:16:30", 3));
  five_minutes(j, at("09:16:31", 3), 50);
  CHECK(check_all(j, "5m") > 3);
  const auto flagged = j.bars("5m");
  CHECK(std::ranges::any_of(flagged, [](const auto& r) {
    return r.bar.token == infy && r.bar.start == at("09:15:00", 3) &&
           (r.bar.flags & static_cast<std::uint16_t>(market::bar_flag::gap)) != 0;
  }));
}

TEST_CASE("a tick in quarantine has no part in a proof, and is listed") {
  journal j;
  j.epoch(at("08:55:00"));
  j.subscribed(at("08:55:00"));
  j.clock(at("09:15:01"));
  j.tick(at("09:15:01"), 100, 10);
  j.tick(at("09:15:02"), 900, 20);
  j.quarantine_last();
  j.tick(at("09:15:03"), 101, 40);
  j.clock(at("09:17:00"));
  CHECK(check_all(j, "1m") == 1);
  prover p(j);
  const auto bar = j.bars("1m").at(0);
  CHECK(bar.bar.high.units == 101 * market::price_scale);
  const auto e = p.of("1m", bar);
  REQUIRE(e);
  REQUIRE(e->ticks.size() == 3);
  CHECK(e->ticks[1].fate == market::tick_fate::quarantined);
  CHECK_FALSE(e->ticks[1].counted);
  CHECK(e->ticks[2].counted == 30);
}

TEST_CASE("what is not in the journal any more is told") {
  journal j(1);
  j.epoch(at("08:55:00"));
  j.subscribed(at("08:55:00"));
  five_minutes(j, at("09:15:00"));
  prover p(j);
  const auto bars = j.bars("1m");
  const auto mine = std::ranges::find_if(bars, [](const auto& r) { return r.bar.token == infy; });
  REQUIRE(mine != bars.end());
  auto beyond = *mine;
  beyond.cause.at = {7, 1};
  const auto unknown = p.of("1m", beyond);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == errc::not_found);
  CHECK(has(unknown.error(), "(7, 1)"));

  auto busy = *mine;
  busy.bar.ticks = web::max_proof_ticks + 1;
  const auto too_many = p.of("1m", busy);
  REQUIRE_FALSE(too_many);
  CHECK(too_many.error().code == errc::full);
  CHECK(has(too_many.error(), "artham verify"));

  REQUIRE(p.of("1m", *mine));
  p.reader.stop();
  CHECK(p.of("1m", *mine).error().code == errc::unavailable);

  const auto empty = bridge::memory::make();
  const feed::kite::frame_decoder decoder;
  app::evidence_reader none(*empty, decoder);
  CHECK(none.read(*market::parse_timeframe("1m"), *mine).error().code == errc::not_found);
}

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/calendars.hpp"
#include "app/pipeline.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/mark_codec.hpp"

// What an exchange may send in error, as Kite frames through the whole bar stage.
namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)

constexpr int seconds = 200;
constexpr int at = 90;  ///< the second of the odd packet: 09:16:30

/// One instrument each; all but the first have one odd packet between good ones.
enum odd : std::uint32_t {
  none,
  time_zero,
  time_future,
  time_yesterday,
  time_back,
  volume_falls,
  volume_wraps,
  volume_jumps,
  price_zero,
  count
};
std::uint32_t token_of(std::uint32_t kind) {
  return (kind + 1) << 8U | 1U;
}

struct market_day {
  market::calendar_ptr calendar = config::load_calendar("NSE")->calendar;
  market::timestamp open = calendar->day(market::make_date(2026, 11, 20)).sessions.front().open;
};

/// A packet a second: price 100 + second % 10, 10 shares traded.
market::tick packet(std::uint32_t kind, int second, market::timestamp open) {
  market::tick t;
  t.token = token_of(kind);
  t.mode = market::tick_mode::full;
  t.last.units = (100 + second % 10) * market::price_scale;
  t.volume = second * 10;
  if (kind == volume_wraps) t.volume = (4'294'967'295 - at * 10 + second * 10) % 4'294'967'296;
  t.exchange_time = open + second * market::second;
  if (second != at) return t;
  switch (kind) {
    case time_zero:
      t.exchange_time = 0;
      break;
    case time_future:
      t.exchange_time += market::minute;
      t.last.units = 999 * market::price_scale;
      break;
    case time_yesterday:
      t.exchange_time -= market::day;
      t.last.units = 999 * market::price_scale;
      break;
    case time_back:
      t.exchange_time -= 20 * market::second;
      t.last.units = 50 * market::price_scale;
      break;
    case volume_falls:
      t.volume = 5;
      break;
    case volume_jumps:
      t.volume += 1'000'000'000;
      break;
    case price_zero:
      t.last.units = 0;
      break;
    default:
      break;
  }
  return t;
}

record::position fill(bridge::writer& out, const market_day& m) {
  record::position last;
  const auto append = [&](const std::string& bytes, std::uint64_t n) {
    const auto p = out.append(bytes, n, {});
    REQUIRE(p);
    last = {p->epoch, p->seq + n - 1};
  };
  const auto put_mark = [&](market::mark mark, market::timestamp t) {
    mark.time = t;
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::mark, 1, t, t), record::encode(mark));
    append(bytes, 1);
  };
  market::mark mark;
  mark.kind = market::mark_kind::epoch;
  put_mark(mark, m.open - market::minute);
  mark.kind = market::mark_kind::subscription;
  mark.flag = 1;
  for (std::uint32_t k = 0; k < count; ++k) mark.tokens.push_back(token_of(k));
  put_mark(mark, m.open - market::minute);
  for (int s = 0; s < seconds; ++s) {
    const auto now = m.open + s * market::second;
    feed::kite::frame_builder frame;
    for (std::uint32_t k = 0; k < count; ++k) REQUIRE(frame.add(packet(k, s, m.open)));
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::kite_frame, count, now, now),
                   frame.finish());
    append(bytes, count);
    put_mark({}, now);
  }
  put_mark({}, m.open + 5 * market::minute);
  return last;
}

using all_bars = std::map<std::uint32_t, std::vector<market::bar>>;
struct outcome {
  all_bars bars;
  std::map<std::string, std::int64_t> unused;
};

outcome run(std::size_t threads, std::uint64_t batch) {
  const market_day m;
  const feed::kite::frame_decoder decoder;
  const auto input = bridge::memory::make();
  const auto output = bridge::memory::make();
  const auto frames = *market::parse_timeframes("1m");
  const auto writer = input->open_writer(record::ticks_stream(), 1);
  REQUIRE(writer);
  const auto last = fill(**writer, m);
  actors::bar_reader_config c;
  c.input = input.get();
  c.output = output.get();
  c.decoder = &decoder;
  c.timeframes = frames;
  c.plan_of = [plan = std::make_shared<const market::bar_plan>(market::bar_plan{
                   frames, 3 * market::second, m.calendar})](std::uint32_t) { return plan; };
  c.batch = batch;
  outcome o;
  {
    app::bar_pipeline p(threads, std::move(c));
    const auto done = p.wait_for(last);
    REQUIRE_MESSAGE(done, done.error().message);
    REQUIRE(p.check_builders());
    for (const auto& s : p.metrics().samples()) {
      if (s.name == "artham_bar_ticks_unused_total") o.unused[s.labels.front().second] = s.value;
    }
  }
  auto cursor = output->open_reader(record::final_bars_stream("1m"), {}, bridge::top::appended, {});
  REQUIRE(cursor);
  for (;;) {
    const auto blocks = (*cursor)->pull(1000);
    REQUIRE(blocks);
    if (blocks->empty()) return o;
    for (const auto& b : *blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
        const auto r = record::decode_bar(h, body);
        REQUIRE(r);
        o.bars[(r->bar.token >> 8U) - 1].push_back(r->bar);
      });
    }
  }
}

std::string prices(const market::bar& b) {
  return market::to_string(b.open) + " " + market::to_string(b.high) + " " +
         market::to_string(b.low) + " " + market::to_string(b.close);
}

}  // namespace

TEST_CASE("odd packets change what they say and nothing else, for any block size") {
  const auto o = run(2, 4096);
  for (const std::uint64_t batch : {1U, 50U}) CHECK(run(1, batch).bars == o.bars);
  REQUIRE(o.bars.size() == count);
  const auto of = [&](std::uint32_t kind) { return o.bars.at(kind); };
  for (const auto& [kind, bars] : o.bars) {
    CAPTURE(kind);
    REQUIRE(bars.size() == 4);
    // Those before and after are as good as ever.
    for (const std::size_t i : {0U, 3U}) {
      CHECK(prices(bars[i]) == prices(of(none)[i]));
      CHECK(bars[i].ticks == of(none)[i].ticks);
      CHECK(bars[i].flags == of(none)[i].flags);
    }
    CHECK(bars[2].volume == 600);
    CHECK(bars[3].volume == (seconds - 180) * 10);
    for (const auto& b : bars) CHECK(b.revision == 0);
  }
  const auto second = [&](std::uint32_t kind) { return of(kind)[1]; };
  const auto good = second(none);
  CHECK(good.ticks == 60);
  CHECK(good.volume == 600);
  CHECK(good.flags == 0);

  // Without a time of its own, the time of arrival stands in.
  CHECK(prices(second(time_zero)) == prices(good));
  CHECK(second(time_zero).ticks == 60);
  CHECK(second(time_zero).volume == 600);
  // Not used, counted; the shares that it told of are in the next packet's difference.
  for (const auto kind : {time_future, time_yesterday}) {
    CHECK(prices(second(kind)) == prices(good));
    CHECK(second(kind).ticks == 59);
    CHECK(second(kind).volume == 600);
  }
  CHECK(o.unused.at("ahead") == 1);
  CHECK(o.unused.at("too_late") == 1);
  // In its place, with what was traded by then.
  CHECK(second(time_back).ticks == 60);
  CHECK(prices(second(time_back)) == "100 109 50 109");
  // A fall counts 0 and the difference starts anew.
  for (const auto kind : {volume_falls, volume_wraps}) {
    CAPTURE(kind);
    CHECK(market::flags_text(second(kind).flags) == "reset");
    CHECK(prices(second(kind)) == prices(good));
    CHECK(second(kind).ticks == 60);
  }
  CHECK(second(volume_falls).volume == 590 - 10 + (at + 1) * 10 - 5);
  CHECK(second(volume_wraps).volume == 590);
  // A jump is believed; what comes below it afterwards is a fall.
  CHECK(second(volume_jumps).volume == 1'000'000'000 + 600 - 10);
  CHECK(market::flags_text(second(volume_jumps).flags) == "reset");
  // A price of 0 is a price.
  CHECK(prices(second(price_zero)) == "100 109 0 109");
}

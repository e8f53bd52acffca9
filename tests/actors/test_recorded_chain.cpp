#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "app/pipeline.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "market/feature/feature_plan.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "tests/market/option_support.hpp"

// A recorded day of SPX and SPXW options, some of which expire that day, as Kite frames through the
// feature actors.

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using market::feature::chain_row;
using market::feature::option_row;
using option_test::row;

constexpr std::uint32_t index_token = 1U << 8U | 9U;
const auto today = market::make_date(2021, 1, 4);

struct recorded_day {
  std::vector<market::instrument> instruments;
  std::vector<market::tick> ticks;            ///< by exchange time
  std::map<market::timestamp, double> index;  ///< close of the minute that ends then
};

/// Nothing is bid where the text is empty.
market::price exactly(const std::string& text) {
  if (text.empty()) return {};
  const auto p = market::parse_price(text);
  REQUIRE(p);
  return *p;
}

recorded_day read_day() {
  recorded_day day;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, std::uint32_t> tokens;
  option_test::shared_csv("market/options_chain/spx_20210104_quotes_1m.csv", [&](const row& r) {
    const auto next = static_cast<std::uint32_t>(tokens.size() + 2) << 8U | 2U;
    const auto [it, added] = tokens.emplace(
        std::tuple(r.text("root"), r.text("expiry"), r.text("strike"), r.text("right")), next);
    if (added) {
      market::instrument i;
      i.token = it->second;
      i.exchange = "NFO";
      i.segment = "NFO-OPT";
      i.name = r.text("root") == "spxw" ? "SPXW" : "SPX";
      i.type = r.text("right") == "C" ? "CE" : "PE";
      i.expiry = *market::parse_date(r.text("expiry"));
      i.strike = exactly(r.text("strike"));
      i.symbol = i.name + std::to_string(i.token);
      day.instruments.push_back(std::move(i));
    }
    const auto begin = std::stoll(r.text("ts_ms")) * market::millisecond;
    const auto add = [&](market::duration after, const std::string& what) {
      market::tick t;
      t.token = it->second;
      t.mode = market::tick_mode::full;
      t.exchange_time = begin + after;
      t.bids[0] = {exactly(r.text("bid_" + what)), 1, 1};
      t.offers[0] = {exactly(r.text("ask_" + what)), 1, 1};
      day.ticks.push_back(t);
    };
    add(0, "open");
    add(58 * market::second, "close");
  });
  option_test::shared_csv("market/options_chain/spx_20210104_index_1m.csv", [&](const row& r) {
    market::tick t;
    t.token = index_token;
    t.mode = market::tick_mode::index_full;
    t.exchange_time = std::stoll(r.text("ts_ms")) * market::millisecond + 59 * market::second;
    t.last = exactly(r.text("close"));
    day.ticks.push_back(t);
    day.index[t.exchange_time + market::second] = market::as_number(t.last);
  });
  market::instrument spot;
  spot.token = index_token;
  spot.exchange = spot.segment = "NSE";
  spot.symbol = spot.name = "SPX";
  spot.type = "EQ";
  day.instruments.push_back(spot);
  std::ranges::stable_sort(day.ticks, {}, &market::tick::exchange_time);
  return day;
}

/// Frames, and a clock mark each second from the first to past the close.
record::position write(const recorded_day& day, bridge::writer& out, market::timestamp close) {
  record::position last;
  std::string bytes;
  const auto append = [&](std::uint64_t count) {
    const auto at = out.append(bytes, count, {});
    REQUIRE(at);
    last = {at->epoch, at->seq + count - 1};
    bytes.clear();
  };
  auto t = day.ticks.begin();
  for (auto now = day.ticks.front().exchange_time; now <= close + 2 * market::second;
       now += market::second) {
    for (; t != day.ticks.end() && t->exchange_time <= now; ++t) {
      feed::kite::frame_builder frame;
      REQUIRE(frame.add(*t));
      record::append(bytes, record::with_times(record::kind::kite_frame, 1, now, now),
                     frame.finish());
      append(1);
    }
    market::mark m;
    m.time = now;
    record::append(bytes, record::with_times(record::kind::mark, 1, now, now), record::encode(m));
    append(1);
  }
  return last;
}

std::vector<record::feature_record> run(bridge::bridge& input, const recorded_day& day,
                                        const market::calendar_ptr& calendar, record::position last,
                                        std::uint64_t batch) {
  const auto output = bridge::memory::make();
  const feed::kite::frame_decoder decoder;
  actors::feature_reader_config c;
  c.input = &input;
  c.output = output.get();
  c.decoder = &decoder;
  c.batch = batch;
  market::feature::feature_rules rules;
  rules.interval = 10 * market::second;
  c.plan = market::feature::feature_plan::make(
      day.instruments, [&](std::string_view) { return calendar; }, rules);
  {
    app::feature_pipeline p(2, c);
    REQUIRE(p.wait_for(last));
    REQUIRE(p.check_groups());
  }
  std::vector<record::feature_record> rows;
  const auto cursor = output->open_reader(record::features_stream(), {}, bridge::top::appended, {});
  for (auto blocks = *(*cursor)->pull(1'000); !blocks.empty(); blocks = *(*cursor)->pull(1'000)) {
    for (const auto& b : blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
        auto r = record::decode_feature(h, body);
        REQUIRE(r);
        rows.push_back(std::move(*r));
      });
    }
  }
  return rows;
}

}  // namespace

TEST_CASE(
    "a recorded day of SPX options goes through the actors to the last second of its expiry") {
  const auto day = read_day();
  if (day.ticks.empty()) return;
  const auto calendar = config::load_calendar("NYSE")->calendar;
  const auto close = calendar->day(today).sessions.back().close;
  const auto input = bridge::memory::make({.max_block_records = 500});
  const auto writer = input->open_writer(record::ticks_stream(), 1);
  REQUIRE(writer);
  const auto last = write(day, **writer, close);
  const auto rows = run(*input, day, calendar, last, 100'000);
  CHECK(run(*input, day, calendar, last, 1) == rows);

  std::set<std::pair<std::string, market::date>> chains;
  std::size_t forwards = 0;
  double before = 1;
  bool expired = false;
  for (const auto& r : rows) {
    if (r.chain() == nullptr) continue;
    const auto& c = *r.chain();
    chains.emplace(c.underlying, c.expiry);
    for (const auto& o : c.options) {
      CHECK(((o.fields & option_row::valued) != 0) == (o.is == market::option::state::ok));
      CHECK(std::isfinite(o.iv));
      if (o.is == market::option::state::ok) {
        CHECK(o.iv > 0);
        CHECK(std::abs(o.delta) <= 1);
      }
    }
    const auto minute = c.at / market::minute * market::minute;
    if (const auto it = day.index.find(minute);
        it != day.index.end() && c.at == minute && (c.fields & chain_row::forward_known) != 0) {
      CHECK(c.forward == doctest::Approx(it->second).epsilon(0.004));
      ++forwards;
    }
    if (c.expiry != today) continue;
    CHECK(c.underlying == "SPXW");
    CHECK(c.years <= before);
    before = c.years;
    CHECK((c.is == market::option::state::expired) == (c.at >= close));
    expired = expired || c.is == market::option::state::expired;
    if (c.at < close) CHECK(c.years > 0);
  }
  CHECK(chains.size() >= 3);
  CHECK(forwards > 500);
  CHECK(expired);
  CHECK(before == 0);
}

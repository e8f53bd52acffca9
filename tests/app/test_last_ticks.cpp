#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "app/last_ticks.hpp"
#include "bridge/memory/memory.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "tests/feed/codec_samples.hpp"
#include "tests/support/eventually.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)

const market::timestamp midnight = *market::parse_rfc3339("2026-11-20T00:00:00+05:30");

market::calendar_ptr nse() {
  market::calendar_spec spec;
  spec.name = "NSE";
  spec.offsets = {{0, market::india_offset}};
  spec.regulars = {{market::make_date(2020, 1, 1),
                    {{9 * market::hour, 15 * market::hour + 30 * market::minute}}}};
  return std::make_shared<const market::calendar>(*market::calendar::make(std::move(spec)));
}

struct world {
  std::unique_ptr<bridge::memory::memory_bridge> journal =
      bridge::memory::make({.max_block_records = 4});
  std::unique_ptr<bridge::writer> out = *journal->open_writer(record::ticks_stream(), 1);
  feed::kite::frame_decoder decoder;
  runtime::metrics metrics;
  std::map<std::uint32_t, market::tick> newest;

  /// One frame at `t`, with a packet of each token whose last price is `rupees`.
  void tick(market::timestamp t, const std::vector<std::uint32_t>& tokens, std::int64_t rupees) {
    feed::kite::frame_builder frame;
    for (const auto token : tokens) {
      auto sample = test::sample_full();
      sample.token = token;
      sample.last = test::rupees(rupees);
      newest[token] = sample;
      REQUIRE(frame.add(sample));
    }
    const auto count = static_cast<std::uint16_t>(tokens.size());
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::kite_frame, count, t, t),
                   frame.finish());
    REQUIRE(out->append(bytes, count, tokens));
  }
  app::last_ticks_options options() {
    app::last_ticks_options o;
    o.journal = journal.get();
    o.decoder = &decoder;
    o.metrics = &metrics;
    o.calendar_of = [](std::uint32_t) { return nse(); };
    return o;
  }
};

bool eventually(const std::function<bool()>& condition) {
  return test::eventually(condition, std::chrono::seconds(20));
}
bool has(const app::last_ticks& ticks, std::uint32_t token, const market::tick& wanted) {
  const auto found = ticks.find(token);
  return found && *found && (*found)->tick == wanted;
}
/// Known, and known not to be there.
bool lacks(const app::last_ticks& ticks, std::uint32_t token) {
  const auto found = ticks.find(token);
  return found && !*found;
}

}  // namespace

TEST_CASE("the newest packet of each instrument is known, before the start and after") {
  world w;
  const auto open = midnight + 9 * market::hour;
  for (int n = 0; n < 50; ++n) w.tick(open + n * market::second, {257, 513}, 100 + n);
  w.tick(open + market::minute, {769}, 7);
  app::last_ticks ticks(w.options());
  REQUIRE(eventually([&] { return has(ticks, 257, w.newest[257]); }));
  CHECK(has(ticks, 513, w.newest[513]));
  CHECK(has(ticks, 769, w.newest[769]));
  CHECK((*ticks.find(769))->receive == open + market::minute);
  CHECK(lacks(ticks, 1025));
  w.tick(open + 2 * market::minute, {257, 1025}, 300);
  CHECK(eventually([&] { return has(ticks, 1025, w.newest[1025]); }));
  CHECK(has(ticks, 257, w.newest[257]));
  ticks.stop();
}

TEST_CASE("a start reads from the beginning of the newest packet's trading day, and no more") {
  world w;
  w.tick(midnight - market::hour, {257}, 1);
  w.tick(midnight + market::hour, {513}, 2);
  for (int n = 0; n < 100; ++n) w.tick(midnight + 10 * market::hour + n, {769}, 3 + n);
  app::last_ticks all(w.options());
  REQUIRE(eventually([&] { return has(all, 769, w.newest[769]); }));
  CHECK(has(all, 513, w.newest[513]));
  CHECK(lacks(all, 257));

  auto bounded = w.options();
  bounded.looked_back = 20;
  app::last_ticks some(std::move(bounded));
  REQUIRE(eventually([&] { return has(some, 769, w.newest[769]); }));
  CHECK(lacks(some, 513));
}

TEST_CASE("instruments beyond the room for them are counted, not kept") {
  world w;
  auto o = w.options();
  o.max_instruments = 2;
  w.tick(midnight + market::hour, {257, 513, 769}, 5);
  app::last_ticks ticks(std::move(o));
  REQUIRE(eventually([&] { return has(ticks, 513, w.newest[513]); }));
  CHECK(has(ticks, 257, w.newest[257]));
  CHECK(lacks(ticks, 769));
  CHECK(w.metrics.text().find("artham_last_ticks_refused_total 1") != std::string::npos);
}

TEST_CASE("nothing is said before the journal was read, and an empty one is read at once") {
  world w;
  app::last_ticks ticks(w.options());
  CHECK(eventually([&] { return lacks(ticks, 257); }));
  w.tick(midnight, {257}, 5);
  CHECK(eventually([&] { return has(ticks, 257, w.newest[257]); }));
}

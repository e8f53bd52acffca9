#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "feed/kite/tick_watch.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using feed::kite::stall_options;
using feed::kite::tick_watch;
using market::hour;
using market::minute;
using market::second;

namespace {

/// Every weekday from `open` to `close`, UTC.
market::calendar_ptr hours(const char* name, market::duration open, market::duration close) {
  market::calendar_spec spec;
  spec.name = name;
  spec.offsets = {{0, 0}};
  spec.regulars = {{market::make_date(2026, 1, 1), {{open, close}}}};
  spec.first = market::make_date(2026, 1, 1);
  spec.last = market::make_date(2026, 12, 31);
  auto made = market::calendar::make(std::move(spec));
  REQUIRE(made);
  return std::make_shared<const market::calendar>(std::move(*made));
}

const auto midnight = std::int64_t{market::make_date(2026, 11, 20).days} * market::day;  // a Friday

/// A watch and the two clocks that it is told; the host's goes with market time unless said.
struct watched {
  explicit watched(stall_options o = {},
                   std::vector<market::calendar_ptr> c = {hours("day", 9 * hour, 15 * hour)})
      : watch(o, std::move(c)) {}

  void go(market::duration d) {
    now += d;
    steady += d;
  }
  void connect() { watch.connected(now, steady); }
  void tick() { watch.heard(now, steady); }
  /// A tick every `interval` for `time`.
  void ticks(market::duration interval, market::duration time) {
    for (const auto end = now + time; now + interval <= end;) {
      go(interval);
      tick();
    }
  }
  /// Seconds of silence until it is a stall; 0 if there is none within `most`.
  std::int64_t silence(market::duration most = 6 * hour) {
    const auto begin = now;
    while (now - begin < most) {
      go(second);
      if (watch.stalled(now, steady)) return (now - begin) / second;
    }
    return 0;
  }

  tick_watch watch;
  market::timestamp now = midnight + 9 * hour;
  std::int64_t steady = 1;
};

}  // namespace

TEST_CASE("where ticks are dense the shortest silence allowed is a stall") {
  watched w;
  w.connect();
  w.ticks(second, 2 * minute);
  const auto last = w.now;
  CHECK(w.silence() == 10);
  CHECK(w.watch.last_heard() == last);
  CHECK(w.watch.expectation(w.now).frames_per_hour == 3600);
}

TEST_CASE("where ticks are rare it takes a multiple of the longest usual silence") {
  watched w;
  w.connect();
  w.ticks(20 * second, 30 * minute);
  CHECK(w.watch.expectation(w.now).limit == 60 * second);
  CHECK(w.silence() == 60);
}

TEST_CASE("what was usual is forgotten when ticks have come otherwise for an hour") {
  watched w;
  w.connect();
  w.ticks(minute, 40 * minute);
  w.ticks(second, 50 * minute);
  CHECK(w.watch.expectation(w.now).limit == 3 * minute);
  w.ticks(second, 20 * minute);
  CHECK(w.watch.expectation(w.now).limit == 10 * second);
}

TEST_CASE("nothing is expected while no session is on") {
  watched w;
  w.now = midnight + 8 * hour;
  w.connect();
  w.ticks(second, 2 * minute);  // before the open ticks may come and stay away
  CHECK(w.silence(57 * minute) == 0);
  CHECK(w.watch.expectation(w.now).limit == 0);
  // From the open on they are waited for, though not known yet.
  CHECK(w.silence() == 60 + 60);
  w.connect();
  w.now = midnight + 15 * hour - 2 * minute;
  w.ticks(second, 2 * minute - 5 * second);
  CHECK(w.silence(60 * hour) == 0);  // over the weekend
}

TEST_CASE("each set of sessions that are on has its own rate") {
  watched w({}, {hours("day", 9 * hour, 15 * hour), hours("late", 10 * hour, 20 * hour)});
  w.now = midnight + 14 * hour;
  w.connect();
  w.ticks(second, hour);
  // Only the late ones are left, of which nothing is known yet; then they are known to be rare.
  CHECK(w.watch.expectation(w.now).limit == 60 * second);
  w.ticks(30 * second, hour);
  CHECK(w.silence() == 90);
  CHECK(w.watch.expectation(w.now).frames_per_hour == 120);
}

TEST_CASE("only the sessions of what the connection has make ticks due") {
  const auto day = hours("day", 9 * hour, 15 * hour);
  const auto late = hours("late", 9 * hour, 20 * hour);
  watched w({}, {day, late});
  w.watch.counts({day}, w.now);
  w.now = midnight + 14 * hour;
  w.connect();
  w.ticks(second, hour);
  CHECK(w.watch.expectation(w.now).limit == 0);
  CHECK(w.silence(hour) == 0);
  // Now it has one of the others, whose session is on: waited for from now on.
  w.watch.counts({day, late}, w.now);
  CHECK(w.watch.expectation(w.now).limit == 60 * second);
  CHECK(w.silence() == 60);
  w.connect();
  w.watch.counts({day}, w.now);
  CHECK(w.silence(2 * hour) == 0);
  w.watch.counts({}, w.now);
  w.now = midnight + 3 * market::day + 10 * hour;
  CHECK(w.silence(hour) == 0);
}

TEST_CASE("saying again what counts changes nothing") {
  const auto day = hours("day", 9 * hour, 15 * hour);
  watched w({}, {day});
  w.watch.counts({day}, w.now);
  w.connect();
  w.ticks(second, 2 * minute);
  w.go(9 * second);
  w.watch.counts({day}, w.now);
  CHECK(w.silence() == 1);
}

TEST_CASE("a connection that is mute from its beginning is given up, each time later") {
  watched w;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 9; ++i) {
    w.connect();
    waits.push_back(w.silence());
  }
  CHECK(waits == std::vector<std::int64_t>{60, 120, 240, 480, 960, 1920, 3840, 3840, 3840});
}

TEST_CASE("a connection that brings ticks again ends the doubling; a snapshot alone does not") {
  watched w;
  w.connect();
  w.ticks(second, 2 * minute);
  CHECK(w.silence() == 10);
  w.connect();
  w.tick();
  CHECK(w.silence() == 20);
  w.connect();
  w.tick();
  CHECK(w.silence() == 40);
  w.connect();
  w.ticks(second, minute);  // less than the 80 s that a silence may last now
  CHECK(w.silence() == 80);
  w.connect();
  w.ticks(second, 3 * minute);
  CHECK(w.silence() == 10);
}

TEST_CASE("market time alone makes no stall, nor does this host's clock") {
  watched w;
  w.connect();
  w.ticks(second, 2 * minute);
  w.now += hour;  // a recording at full speed; a host that slept
  CHECK_FALSE(w.watch.stalled(w.now, w.steady + 9 * second));
  CHECK(w.watch.stalled(w.now, w.steady + 10 * second));
  w.connect();
  w.ticks(second, 2 * minute);
  CHECK_FALSE(w.watch.stalled(w.now, w.steady + hour));  // market time stands still
}

TEST_CASE("a pause of our own is no silence of the peer") {
  watched w;
  w.connect();
  w.ticks(second, 2 * minute);
  w.go(minute);
  w.watch.resumed(w.steady);
  CHECK_FALSE(w.watch.stalled(w.now, w.steady));
}

TEST_CASE("it can be switched off, and knows nothing without calendars") {
  watched off({.least = 0});
  off.connect();
  off.ticks(second, 2 * minute);
  CHECK(off.silence() == 0);
  watched blind({}, {});
  blind.connect();
  blind.ticks(second, 2 * minute);
  CHECK(blind.silence() == 0);
}

TEST_CASE("one instrument that trades now and then does not make the connection flap") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    watched w;
    w.connect();
    w.tick();
    int stalls = 0;
    for (const auto close = midnight + 15 * hour; w.now < close;) {
      // Exponential around 45 s, three times as long over noon.
      const double mean = w.now > midnight + 12 * hour && w.now < midnight + 13 * hour ? 135 : 45;
      const double u = (static_cast<double>(random()) + 1.0) / 4'294'967'297.0;
      for (auto left = static_cast<std::int64_t>(-mean * std::log(u)); left > 0; --left) {
        w.go(second);
        if (!w.watch.stalled(w.now, w.steady)) continue;
        ++stalls;
        w.go(2 * second);
        w.connect();
        w.tick();  // the snapshot
      }
      w.go(second);
      w.tick();
    }
    INFO("seed " << seed);
    CHECK(stalls <= 4);
  }
}

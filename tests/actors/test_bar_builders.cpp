#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "app/calendars.hpp"
#include "app/pipeline.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "tests/actors/final_bars.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t tokens = 20;
constexpr int seconds = 400;

/// Some minutes of some instruments, a tick a second each, in blocks of a second.
record::position fill(bridge::writer& out, const market::calendar& c) {
  const auto open = c.day(market::make_date(2026, 11, 20)).sessions.front().open;
  std::uint64_t last = 0;
  const auto mark = [](market::mark_kind kind, market::timestamp t) {
    market::mark m;
    m.kind = kind;
    m.time = t;
    if (kind == market::mark_kind::subscription) {
      m.flag = 1;
      for (std::uint32_t i = 1; i <= tokens; ++i) m.tokens.push_back(i << 8U | 1U);
    }
    return m;
  };
  const auto append = [&](const std::string& bytes, std::uint64_t count) {
    const auto at = out.append(bytes, count, {});
    REQUIRE(at);
    last = at->seq + count - 1;
  };
  const auto put_mark = [&](market::mark_kind kind, market::timestamp t) {
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::mark, 1, t, t),
                   record::encode(mark(kind, t)));
    append(bytes, 1);
  };
  put_mark(market::mark_kind::epoch, open - market::second);
  put_mark(market::mark_kind::subscription, open - market::second);
  for (int s = 0; s < seconds; ++s) {
    const auto now = open + s * market::second;
    std::vector<market::bar_input> ticks;
    for (std::uint32_t i = 1; i <= tokens; ++i) {
      market::bar_input t;
      t.time = now;
      t.token = i << 8U | 1U;
      t.last.units = (100 + (s * 7 + static_cast<int>(i) * 13) % 17) * market::price_scale;
      t.volume_or_size = s * 10;
      t.fields = market::bar_input::volume;
      ticks.push_back(t);
    }
    std::string body;
    record::encode(body, ticks);
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::packed_ticks, tokens, now, now), body);
    append(bytes, tokens);
    put_mark(market::mark_kind::clock, now);
  }
  return {1, last};
}

using bars = std::vector<std::tuple<std::string, std::uint32_t, std::int64_t, std::int64_t,
                                    std::int64_t, std::uint32_t>>;

using slice_hook = std::function<void(const messages::bar_work&, const messages::bar_slice&)>;

/// What a bar reader needs to read a journal in small works.
struct setting {
  std::vector<market::timeframe> frames = *market::parse_timeframes("1m 3m");
  market::calendar_ptr calendar = config::load_calendar("NSE")->calendar;
  feed::kite::frame_decoder decoder;
  // What is appended at once stays a block of its own.
  std::unique_ptr<bridge::memory::memory_bridge> input =
      bridge::memory::make({.max_block_records = 1});

  actors::bar_reader_config config(bridge::bridge& output, std::uint64_t batch) {
    actors::bar_reader_config c;
    c.input = input.get();
    c.output = &output;
    c.decoder = &decoder;
    c.timeframes = frames;
    c.plan_of = [plan = std::make_shared<const market::bar_plan>(market::bar_plan{
                     frames, 3 * market::second, calendar})](std::uint32_t) { return plan; };
    c.batch = batch;
    return c;
  }

  bars made(bridge::bridge& output) const {
    bars all;
    test::for_each_final_bar(output, frames, [&](const std::string& stream, const auto& r) {
      all.emplace_back(stream, r.bar.token, r.bar.start, r.bar.close.units, r.bar.volume,
                       r.bar.ticks);
    });
    return all;
  }
};

bars run(const slice_hook& before_slice, std::uint64_t batch, std::uint64_t* restarts = nullptr) {
  setting s;
  const auto output = bridge::memory::make();
  auto writer = s.input->open_writer(record::ticks_stream(), 1);
  REQUIRE(writer);
  auto c = s.config(*output, batch);
  c.before_slice = before_slice;
  {
    app::bar_pipeline p(2, std::move(c));
    const auto last = fill(**writer, *s.calendar);
    const auto done = p.wait_for(last);
    REQUIRE_MESSAGE(done, done.error().message);
    if (restarts != nullptr) {
      *restarts = 0;
      for (const auto& sample : p.metrics().samples()) {
        if (sample.name == "artham_supervisor_restarts_total")
          *restarts += static_cast<std::uint64_t>(sample.value);
      }
    }
  }
  return s.made(*output);
}

}  // namespace

TEST_CASE(
    "a builder that throws mid-minute is rebuilt from the journal: no bar lost, none doubled") {
  const auto expected = run({}, 10);
  REQUIRE(expected.size() == tokens * (6 + 2));
  std::atomic<int> left{1};
  std::uint64_t restarts = 0;
  const auto crashed = run(
      [&left](const messages::bar_work& work, const messages::bar_slice& slice) {
        // The third instrument, half-way through a minute.
        if (slice.last_tick == slice.first_tick) return;
        const auto& t = work.ticks[slice.first_tick];
        if (t.token == (3U << 8U | 1U) && t.seq > 90 * (tokens + 1) && left.fetch_sub(1) > 0) {
          throw std::runtime_error("thrown by the test");
        }
      },
      10, &restarts);
  CHECK(restarts == 1);
  CHECK(crashed == expected);
}

TEST_CASE("many builders that die at many places give the same bars, for any block size") {
  const auto expected = run({}, 1'000'000);
  for (const std::uint64_t batch : {1U, 37U, 4000U}) {
    std::array<std::atomic<bool>, tokens + 1> died{};
    std::uint64_t restarts = 0;
    const auto crashed = run(
        [&died](const messages::bar_work& work, const messages::bar_slice& slice) {
          if (slice.last_tick == slice.first_tick) return;
          const auto& t = work.ticks[slice.last_tick - 1];
          const auto i = t.token >> 8U;
          // One each, at a time of its own; no more than the supervisor takes for bad luck.
          if (i % 4 == 0 && t.seq > i * 300 && !died[i].exchange(true))
            throw std::runtime_error("thrown by the test");
        },
        batch, &restarts);
    CHECK(restarts == 5);
    CHECK(crashed == expected);
  }
}

TEST_CASE("a checkpoint holds what its position says, however much is read while it is taken") {
  setting s;
  auto writer = s.input->open_writer(record::ticks_stream(), 1);
  REQUIRE(writer);
  const auto last = fill(**writer, *s.calendar);
  const test::scratch dir;
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t newest = 0;
  bool read_on = true;
  const auto read = [&](const slice_hook& hook) {
    const auto output = bridge::memory::make();
    runtime::worker disk("checkpoints", 4);
    auto c = s.config(*output, 10);
    c.before_slice = hook;
    c.checkpoint_dir = dir / "";
    c.disk = &disk;
    {
      app::bar_pipeline p(2, std::move(c));
      const auto done = p.wait_for(last);
      REQUIRE_MESSAGE(done, done.error().message);
    }
    disk.stop();
    return s.made(*output);
  };
  // The first builder gives its state only when another one has a later work.
  const auto expected = read([&](const messages::bar_work& work, const messages::bar_slice& slice) {
    std::unique_lock lock(mutex);
    newest = std::max(newest, work.id);
    changed.notify_all();
    if (work.save_state && &slice == &work.slices[0]) {
      read_on = changed.wait_for(lock, std::chrono::seconds(20), [&] { return newest > work.id; });
    }
  });
  CHECK(read_on);
  REQUIRE(expected.size() == tokens * (6 + 2));
  const auto files = actors::checkpoint_directory(dir / "").newest_first();
  auto kept = actors::checkpoint_directory::load(files.front());
  REQUIRE(kept);
  CHECK(kept->at < last);
  CHECK(read({}) == expected);
}

TEST_CASE("a bar of a restored builder closes at its clock mark, whether a tick comes or not") {
  setting s;
  auto writer = s.input->open_writer(record::ticks_stream(), 1);
  REQUIRE(writer);
  const auto last = fill(**writer, *s.calendar);
  const test::scratch dir;
  runtime::worker disk("checkpoints", 4);
  const auto output = bridge::memory::make();
  const auto run_until = [&](record::position at) {
    auto c = s.config(*output, 1'000'000);
    c.checkpoint_dir = dir / "";
    c.disk = &disk;
    app::bar_pipeline p(2, std::move(c));
    REQUIRE(p.wait_for(at));
    REQUIRE(test::eventually(
        [&] { return !actors::checkpoint_directory(dir / "").newest_first().empty(); },
        std::chrono::seconds(20)));
  };
  run_until(last);
  const auto before = s.made(*output).size();
  const auto kept = actors::checkpoint_directory::load(
      actors::checkpoint_directory(dir / "").newest_first().front());
  REQUIRE(kept);
  REQUIRE(kept->at == last);
  // Nothing but time goes on: each bar that is open ends.
  market::mark m;
  m.kind = market::mark_kind::clock;
  m.time = m.wall = kept->clock + 10 * market::minute;
  std::string bytes;
  record::append(bytes, record::with_times(record::kind::mark, 1, m.time, m.time),
                 record::encode(m));
  const auto at = (*writer)->append(bytes, 1, {});
  REQUIRE(at);
  run_until(*at);
  disk.stop();
  CHECK(s.made(*output).size() == before + 2 * tokens);
}

TEST_CASE("checkpoints beyond the end of the streams go, so that those of now are the newest") {
  setting s;
  auto writer = s.input->open_writer(record::ticks_stream(), 1);
  REQUIRE(writer);
  const auto last = fill(**writer, *s.calendar);
  const test::scratch dir;
  const actors::checkpoint_directory directory(dir / "");
  runtime::worker disk("checkpoints", 4);
  const auto output = bridge::memory::make();
  auto c = s.config(*output, 1'000'000);
  c.checkpoint_dir = dir / "";
  c.disk = &disk;
  std::vector<record::position> begun;
  c.on_begin = [&](record::position at) { begun.push_back(at); };
  actors::checkpoint beyond;
  beyond.plan = c.plan_hash;
  for (std::uint64_t seq = 1; seq <= 4; ++seq) {
    beyond.at = {9, seq};
    REQUIRE(directory.save(beyond));
  }
  {
    app::bar_pipeline p(2, std::move(c));
    REQUIRE(p.wait_for(last));
    CHECK(test::eventually(
        [&] {
          const auto files = directory.newest_first();
          return files.size() == 1 &&
                 actors::checkpoint_directory::position_of(files.front()) == last;
        },
        std::chrono::seconds(20)));
  }
  disk.stop();
  CHECK(begun == std::vector<record::position>{{0, 0}});
}

TEST_CASE("who waits for what a checkpoint has already need not wait") {
  const auto calendar = config::load_calendar("NSE")->calendar;
  const auto frames = *market::parse_timeframes("1m");
  const feed::kite::frame_decoder decoder;
  const auto journal = bridge::memory::make();
  auto writer = journal->open_writer(record::ticks_stream(), 1);
  REQUIRE(writer);
  const auto last = fill(**writer, *calendar);
  const test::scratch dir;
  actors::checkpoint everything;
  everything.at = last;
  REQUIRE(actors::checkpoint_directory(dir / "").save(everything));
  runtime::worker disk("checkpoints", 4);
  actors::bar_reader_config c;
  c.input = journal.get();
  c.output = journal.get();
  c.decoder = &decoder;
  c.timeframes = frames;
  c.checkpoint_dir = dir / "";
  c.disk = &disk;
  app::bar_pipeline p(2, std::move(c));
  CHECK(p.wait_for(last));
}

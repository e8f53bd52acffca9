#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include "app/pipeline.hpp"
#include "bridge/local/journal.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "tests/actors/final_bars.hpp"
#include "tests/support/process.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using record::letter_kind;

constexpr std::uint32_t instruments = 20;
constexpr int seconds = 400;
constexpr std::uint32_t nobody = 999;

constexpr std::uint32_t token_of(std::uint32_t instrument) {
  return instrument << 8U | 1U;
}
/// Where `fill` puts the tick of an instrument (from 1) in a second, and the clock mark behind it.
constexpr std::uint64_t tick_at(int second, std::uint32_t instrument) {
  return 2 + static_cast<std::uint64_t>(second) * (instruments + 1) + instrument;
}
constexpr std::uint64_t clock_at(int second) {
  return tick_at(second, instruments + 1);
}

struct stretch {
  int from = 0;
  int to = seconds;
  std::uint64_t absent = 0;  ///< the tick of this seq belongs to nobody
};

/// A tick a second of each instrument and a clock mark behind them; in front an epoch and a
/// subscription.
record::position fill(bridge::writer& out, const market::calendar& c, stretch part = {}) {
  const auto open = c.day(market::make_date(2026, 11, 20)).sessions.front().open;
  record::position last;
  const auto append = [&](const std::string& bytes, std::uint64_t count) {
    const auto at = out.append(bytes, count, {});
    REQUIRE(at);
    last = {at->epoch, at->seq + count - 1};
  };
  const auto put_mark = [&](market::mark_kind kind, market::timestamp t) {
    market::mark m;
    m.kind = kind;
    m.time = t;
    m.flag = kind == market::mark_kind::subscription ? 1 : 0;
    for (std::uint32_t i = 1; m.flag != 0 && i <= instruments; ++i) m.tokens.push_back(token_of(i));
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::mark, 1, t, t), record::encode(m));
    append(bytes, 1);
  };
  if (part.from == 0) {
    put_mark(market::mark_kind::epoch, open - market::second);
    put_mark(market::mark_kind::subscription, open - market::second);
  }
  for (int s = part.from; s < part.to; ++s) {
    const auto now = open + s * market::second;
    std::vector<market::bar_input> ticks;
    for (std::uint32_t i = 1; i <= instruments; ++i) {
      market::bar_input t;
      t.time = now;
      t.token = tick_at(s, i) == part.absent ? token_of(nobody) : token_of(i);
      t.last.units = (100 + (s * 7 + static_cast<int>(i) * 13) % 17) * market::price_scale;
      t.volume_or_size = s * 10 + static_cast<int>(i);
      t.fields = market::bar_input::volume;
      ticks.push_back(t);
    }
    std::string body;
    record::encode(body, ticks);
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::packed_ticks, instruments, now, now),
                   body);
    append(bytes, instruments);
    put_mark(market::mark_kind::clock, now);
  }
  return last;
}

using bars = std::vector<std::pair<std::string, record::bar_record>>;

bars without(bars all, std::uint32_t token) {
  std::erase_if(all, [token](const auto& b) { return b.second.bar.token == token; });
  return all;
}
bars only(bars all, std::uint32_t token) {
  std::erase_if(all, [token](const auto& b) { return b.second.bar.token != token; });
  return all;
}
bars made_before(bars all, record::position at) {
  std::erase_if(all, [at](const auto& b) { return b.second.cause.at >= at; });
  return all;
}

struct run_options {
  std::uint64_t batch = 37;
  std::size_t threads = 2;
  actors::record_hook before_records{};
  std::function<void(const messages::bar_work&, const messages::bar_slice&)> before_slice{};
  supervisors::intensity intensity{2, std::chrono::seconds(60)};
  std::vector<record::dead_letter> quarantines{};
  actors::repaired_bars repaired = actors::repaired_bars::leave_out;
  std::filesystem::path checkpoints{};
};

struct outcome {
  std::uint64_t restarts = 0;
  std::int64_t stopped = 0;
  std::string failure;
};

struct stage {
  std::vector<market::timeframe> frames = *market::parse_timeframes("1m 3m");
  market::calendar_ptr calendar = config::load_calendar("NSE")->calendar;
  feed::kite::frame_decoder decoder;

  outcome run(bridge::bridge& input, bridge::bridge& output, record::position until,
              const run_options& o) {
    runtime::worker disk("checkpoints", 4);
    actors::bar_reader_config c;
    c.input = &input;
    c.output = &output;
    c.decoder = &decoder;
    c.timeframes = frames;
    c.plan_of = [plan = std::make_shared<const market::bar_plan>(market::bar_plan{
                     frames, 3 * market::second, calendar})](std::uint32_t) { return plan; };
    c.batch = o.batch;
    c.before_records = o.before_records;
    c.before_slice = o.before_slice;
    c.quarantines = o.quarantines;
    c.repaired = o.repaired;
    c.checkpoint_dir = o.checkpoints;
    c.disk = &disk;
    outcome done;
    {
      std::shared_ptr<messages::directory> names;
      const auto keep_names = [&](const supervisors::tree_options& tree) {
        names = tree.directory;
        return std::vector<messages::child_spec>{};
      };
      app::bar_pipeline p(o.threads, std::move(c), keep_names, o.intensity);
      if (const auto waited = p.wait_for(until); !waited) done.failure = waited.error().message;
      if (!o.checkpoints.empty()) take_checkpoint(*names, o.checkpoints, until);
      for (const auto& sample : p.metrics().samples()) {
        if (sample.name == "artham_supervisor_restarts_total")
          done.restarts += static_cast<std::uint64_t>(sample.value);
      }
      done.stopped =
          p.metrics().gauge(actors::quarantined_metric, "", {{"what", "builder"}}).value();
    }
    disk.stop();
    return done;
  }

  /// Waits until there is a checkpoint of everything up to `at`.
  static void take_checkpoint(messages::directory& names, const std::filesystem::path& dir,
                              record::position at) {
    const auto reader =
        caf::actor_cast<messages::bar_reader_actor>(names.find(actors::bar_reader_name));
    REQUIRE(reader);
    caf::anon_send(reader, messages::checkpoint_atom_v);
    const auto there = [&] {
      const auto files = actors::checkpoint_directory(dir).newest_first();
      if (files.empty()) return false;
      const auto newest = actors::checkpoint_directory::load(files.front());
      return newest && newest->at == at;
    };
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!there() && std::chrono::steady_clock::now() < limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(there());
  }

  bars made(bridge::bridge& output) const {
    bars all;
    test::for_each_final_bar(output, frames, [&](const std::string& stream, const auto& r) {
      all.emplace_back(stream, r);
    });
    return all;
  }
};

std::vector<record::dead_letter> letters_of(bridge::bridge& b) {
  const auto found = actors::read_dead_letters(b);
  REQUIRE(found);
  std::vector<record::dead_letter> all;
  for (const auto& l : *found) all.push_back(l.letter);
  return all;
}

/// A whole day from a journal in memory.
struct day : stage {
  explicit day(stretch part = {}) {
    writer = std::move(*input->open_writer(record::ticks_stream(), 1));
    last = fill(*writer, *calendar, part);
  }
  bars run(const run_options& o) {
    output = bridge::memory::make();
    done = stage::run(*input, *output, last, o);
    CHECK(done.failure.empty());
    return made(*output);
  }
  // What is appended at once stays a block of its own.
  std::unique_ptr<bridge::memory::memory_bridge> input =
      bridge::memory::make({.max_block_records = 1});
  std::unique_ptr<bridge::memory::memory_bridge> output;
  std::unique_ptr<bridge::writer> writer;
  record::position last;
  outcome done;
};

result<bridge::local::opened> open_journal(const std::string& dir) {
  bridge::local::options o;
  o.dir = dir;
  return bridge::local::open(std::move(o));
}

/// Records that the builder of one instrument cannot take, however often it tries.
struct poison {
  std::uint32_t token = 0;
  std::set<std::uint64_t> seqs;
  std::shared_ptr<std::atomic<int>> crashes = std::make_shared<std::atomic<int>>(0);

  void operator()(std::uint32_t builder, std::span<const market::bar_input> ticks,
                  std::span<const market::mark> marks) const {
    if (builder != token) return;
    const bool there =
        std::ranges::any_of(ticks, [&](const auto& t) { return seqs.contains(t.seq); }) ||
        std::ranges::any_of(marks, [&](const auto& m) { return seqs.contains(m.position.seq); });
    if (!there) return;
    ++*crashes;
    throw std::logic_error("cannot take it");
  }
};

/// Dies of every slice of an instrument behind `from`, before it looks at a record.
std::function<void(const messages::bar_work&, const messages::bar_slice&)> dies_of_every_slice(
    std::uint32_t token, std::uint64_t from) {
  return [=](const messages::bar_work& work, const messages::bar_slice& slice) {
    if (slice.last_tick == slice.first_tick) return;
    const auto& t = work.ticks[slice.last_tick - 1];
    if (t.token == token && t.seq >= from) throw std::logic_error("dies of everything");
  };
}

}  // namespace

TEST_CASE("a tick that kills its builder twice is left out, whatever the block size and threads") {
  const auto token = token_of(3);
  const auto seq = tick_at(100, 3);
  day with_it;
  const auto all = with_it.run({});
  day without_it({0, seconds, seq});
  // Bars of `nobody` come last among those of a cause, so they change no ordinal.
  const auto expected = without(without_it.run({}), token_of(nobody));
  REQUIRE(only(expected, token) != only(all, token));
  REQUIRE(without(expected, token) == without(all, token));

  std::optional<record::dead_letter> first;
  for (const std::uint64_t batch : {1U, 37U, 4000U}) {
    for (const std::size_t threads : {1U, 2U, 4U}) {
      CAPTURE(batch);
      CAPTURE(threads);
      day d;
      const poison p{token, {seq}};
      CHECK(d.run({.batch = batch, .threads = threads, .before_records = p}) == expected);
      CHECK(*p.crashes == 2);
      CHECK(d.done.restarts == 2);
      const auto letters = letters_of(*d.output);
      REQUIRE(letters.size() == 1);
      CHECK(letters[0].what == letter_kind::record);
      CHECK(letters[0].token == token);
      CHECK(letters[0].at == record::position{1, seq});
      CHECK(letters[0].cause == record::cause{{1, seq}, 0});
      CHECK(letters[0].text == "cannot take it");
      if (!first) first = letters[0];
      CHECK(letters[0] == *first);

      // A replay is told, and meets the record never.
      day replay;
      const poison again{token, {seq}};
      CHECK(replay.run({.batch = 4000, .before_records = again, .quarantines = letters}) ==
            expected);
      CHECK(*again.crashes == 0);
      CHECK(letters_of(*replay.output).empty());
    }
  }
}

TEST_CASE("of several bad ticks in one slice each is named, each after two crashes") {
  const auto token = token_of(7);
  const std::set<std::uint64_t> bad{tick_at(50, 7), tick_at(61, 7)};
  std::optional<bars> expected;
  for (const std::uint64_t batch : {1U, 4000U}) {
    day d;
    const poison p{token, bad};
    const auto made =
        d.run({.batch = batch, .before_records = p, .intensity = {10, std::chrono::seconds(60)}});
    CHECK(*p.crashes == 4);
    std::set<std::uint64_t> named;
    for (const auto& l : letters_of(*d.output)) named.insert(l.at.seq);
    CHECK(named == bad);
    if (!expected) expected = made;
    CHECK(made == *expected);
  }
}

TEST_CASE("memory that was short is no reason for a quarantine") {
  day plain;
  const auto expected = plain.run({});
  const auto left = std::make_shared<std::atomic<int>>(2);
  const auto short_of_memory = [left](std::uint32_t token, std::span<const market::bar_input> ticks,
                                      std::span<const market::mark>) {
    const bool there = token == token_of(4) && std::ranges::any_of(ticks, [](const auto& t) {
                         return t.seq == tick_at(120, 4);
                       });
    if (there && left->fetch_sub(1) > 0) throw std::bad_alloc();
  };
  SUBCASE("twice") {
    day d;
    CHECK(d.run({.before_records = short_of_memory}) == expected);
    CHECK(d.done.restarts == 2);
    CHECK(letters_of(*d.output).empty());
  }
  SUBCASE("for ever: the bars give up rather than go on without the instrument") {
    *left = 1'000'000;
    day d;
    d.output = bridge::memory::make();
    const auto done =
        d.stage::run(*d.input, *d.output, d.last, {.before_records = short_of_memory});
    CHECK(done.failure.find("gives up") != std::string::npos);
    CHECK(letters_of(*d.output).empty());
    // What there is, is whole.
    auto made = d.made(*d.output);
    const auto until = made.empty() ? record::position{} : made.back().second.cause.at;
    CHECK(until < record::position{1, tick_at(120, 4)});
  }
}

TEST_CASE("a mark that kills a builder twice stops it there; the others go on") {
  const auto token = token_of(5);
  // The clock mark that closes the third minute.
  const auto seq = clock_at(183);
  day plain;
  const auto all = plain.run({});
  REQUIRE(std::ranges::any_of(all, [&](const auto& b) { return b.second.cause.at.seq == seq; }));
  for (const std::uint64_t batch : {1U, 37U, 4000U}) {
    CAPTURE(batch);
    day d;
    const poison p{token, {seq}};
    const auto made = d.run({.batch = batch, .before_records = p});
    CHECK(*p.crashes == 2);
    const auto letters = letters_of(*d.output);
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].what == letter_kind::actor);
    CHECK(letters[0].at == record::position{1, seq});
    CHECK(d.done.stopped == 1);
    CHECK(only(made, token) == made_before(only(all, token), {1, seq}));
    const auto sizes = [](const bars& b) {
      std::vector<std::tuple<std::string, market::bar>> values;
      for (const auto& [stream, r] : b) values.emplace_back(stream, r.bar);
      return values;
    };
    CHECK(sizes(without(made, token)) == sizes(without(all, token)));
    day replay;
    CHECK(replay.run({.batch = 1000, .threads = 4, .quarantines = letters}) == made);
    CHECK(replay.done.stopped == 1);
  }
}

TEST_CASE("a builder that keeps dying is stopped for good, and a replay stops where the run did") {
  const auto token = token_of(11);
  day plain;
  const auto all = plain.run({});
  day d;
  const auto made = d.run({.before_slice = dies_of_every_slice(token, tick_at(200, 11))});
  const auto letters = letters_of(*d.output);
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].what == letter_kind::actor);
  CHECK(letters[0].token == token);
  CHECK(letters[0].at <= record::position{1, tick_at(200, 11)});
  CHECK(letters[0].text == "dies of everything");
  CHECK(d.done.stopped == 1);
  CHECK_FALSE(only(made, token).empty());
  CHECK(only(made, token) == made_before(only(all, token), letters[0].at));
  CHECK(without(made, token).size() == without(all, token).size());
  for (const std::uint64_t batch : {1U, 4000U}) {
    day replay;
    CHECK(replay.run({.batch = batch, .threads = 4, .quarantines = letters}) == made);
  }
}

namespace {

/// Keeps md:deadletter from becoming durable until it is released.
class slow_disk final : public bridge::bridge {
  using port = artham::bridge::bridge;
  using reader_ptr = std::unique_ptr<artham::bridge::reader>;

 public:
  explicit slow_disk(port& to) : to_(to) {}

  void release() {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      released_ = true;
      wake = std::exchange(wake_, nullptr);
    }
    if (wake) wake();
  }
  /// Something waits for a letter to be durable.
  void wait_until_waited_for() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return wake_ != nullptr; }));
  }

  result<std::unique_ptr<artham::bridge::writer>> open_writer(std::string_view stream,
                                                              std::uint32_t epoch) override {
    return to_.open_writer(stream, epoch);
  }
  result<reader_ptr> open_reader(std::string_view stream, record::position after,
                                 artham::bridge::top until,
                                 std::span<const std::uint32_t> tokens) override {
    auto real = to_.open_reader(stream, after, until, tokens);
    if (!real || until != artham::bridge::top::durable) return real;
    return reader_ptr(std::make_unique<held_reader>(*this, std::move(*real)));
  }
  [[nodiscard]] result<artham::bridge::tops> stream_tops(std::string_view stream) const override {
    return to_.stream_tops(stream);
  }
  [[nodiscard]] std::vector<std::string> streams() const override { return to_.streams(); }
  [[nodiscard]] std::uint32_t last_epoch() const override { return to_.last_epoch(); }
  result<market::content_hash> put_object(std::string_view content) override {
    return to_.put_object(content);
  }
  [[nodiscard]] result<std::string> get_object(const market::content_hash& h) const override {
    return to_.get_object(h);
  }
  void stop() override {}

 private:
  class held_reader final : public artham::bridge::reader {
   public:
    held_reader(slow_disk& disk, reader_ptr real) : disk_(disk), real_(std::move(real)) {}
    result<std::vector<record::block_ptr>> pull(std::uint64_t n) override {
      {
        const std::lock_guard lock(disk_.mutex_);
        if (!disk_.released_) return std::vector<record::block_ptr>{};
      }
      return real_->pull(n);
    }
    void when_ready(std::function<void()> fn) override {
      {
        const std::lock_guard lock(disk_.mutex_);
        if (!disk_.released_) {
          disk_.wake_ = std::move(fn);
          disk_.changed_.notify_all();
          return;
        }
      }
      real_->when_ready(std::move(fn));
    }
    [[nodiscard]] std::uint64_t lag() const override { return real_->lag(); }

   private:
    slow_disk& disk_;
    reader_ptr real_;
  };

  port& to_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> wake_;
  bool released_ = false;
};

}  // namespace

TEST_CASE("no output with the cause of a dead letter or a later one comes before it is durable") {
  const auto token = token_of(3);
  const auto seq = tick_at(100, 3);
  day d;
  const auto memory = bridge::memory::make();
  slow_disk disk(*memory);
  bars meanwhile;
  std::vector<record::dead_letter> letters;
  std::thread watch([&] {
    disk.wait_until_waited_for();
    letters = letters_of(*memory);
    meanwhile = d.made(*memory);
    disk.release();
  });
  const auto done = d.stage::run(*d.input, disk, d.last, {.before_records = poison{token, {seq}}});
  watch.join();
  CHECK(done.failure.empty());
  REQUIRE(letters.size() == 1);
  CHECK_FALSE(meanwhile.empty());
  for (const auto& [stream, r] : meanwhile) CHECK(r.cause.at < record::position{1, seq});
  day without_it({0, seconds, seq});
  CHECK(d.made(*memory) == without(without_it.run({}), token_of(nobody)));
}

TEST_CASE("a program killed between the dead letter and the bars goes on by the letter") {
  const auto token = token_of(3);
  const auto seq = tick_at(100, 3);
  const test::scratch dir;
  stage s;
  bars uninterrupted;
  std::mutex mutex;
  std::condition_variable changed;
  bool copied = false;
  record::position last;
  {
    auto opened = open_journal(dir / "journal");
    REQUIRE(opened);
    auto& journal = *opened->journal;
    last = fill(**journal.open_writer(record::ticks_stream(), 1), *s.calendar);
    // Another builder holds back the bars of the work, until the files are copied.
    const poison p{token, {seq}};
    const auto hook = [&](std::uint32_t builder, std::span<const market::bar_input> ticks,
                          std::span<const market::mark> marks) {
      if (builder == token_of(9) && !ticks.empty()) {
        std::unique_lock lock(mutex);
        REQUIRE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return copied; }));
      }
      p(builder, ticks, marks);
    };
    std::thread killer([&] {
      auto cursor =
          journal.open_reader(record::dead_letters_stream(), {}, bridge::top::durable, {});
      std::mutex own;
      std::condition_variable there;
      bool ready = false;
      (*cursor)->when_ready([&] {
        const std::lock_guard lock(own);
        ready = true;
        there.notify_all();
      });
      {
        std::unique_lock lock(own);
        CHECK(there.wait_for(lock, std::chrono::seconds(60), [&] { return ready; }));
      }
      std::filesystem::copy(dir / "journal", dir / "killed",
                            std::filesystem::copy_options::recursive);
      const std::lock_guard lock(mutex);
      copied = true;
      changed.notify_all();
    });
    const auto done = s.run(journal, journal, last, {.batch = 1'000'000, .before_records = hook});
    killer.join();
    CHECK(done.failure.empty());
    CHECK(*p.crashes == 2);
    journal.stop();  // writes what waits for neighbours
    uninterrupted = s.made(journal);
  }
  auto opened = open_journal(dir / "killed");
  REQUIRE(opened);
  auto& journal = *opened->journal;
  CHECK(s.made(journal).empty());
  REQUIRE(letters_of(journal).size() == 1);
  const poison p{token, {seq}};
  const auto done = s.run(journal, journal, last, {.before_records = p});
  CHECK(done.failure.empty());
  CHECK(*p.crashes == 0);
  journal.stop();
  CHECK(letters_of(journal).size() == 1);
  CHECK(s.made(journal) == uninterrupted);
}

TEST_CASE(
    "a stopped builder keeps nobody from checkpoints, and comes back whole when it is freed") {
  const auto token = token_of(11);
  constexpr int first_part = 330;
  day plain;
  const auto all = plain.run({});
  const test::scratch dir;
  stage s;
  const auto journal = bridge::memory::make({.max_block_records = 1});
  auto writer = std::move(*journal->open_writer(record::ticks_stream(), 1));
  const auto middle = fill(*writer, *s.calendar, {0, first_part});
  s.run(*journal, *journal, middle,
        {.before_slice = dies_of_every_slice(token, tick_at(200, 11)), .checkpoints = dir / "c"});
  const auto letters = letters_of(*journal);
  REQUIRE(letters.size() == 1);
  const auto files = actors::checkpoint_directory(dir / "c").newest_first();
  REQUIRE_FALSE(files.empty());
  const auto kept = actors::checkpoint_directory::load(files.front());
  REQUIRE(kept);
  REQUIRE(kept->at > letters[0].at);
  CHECK(kept->states.size() == instruments - 1);
  CHECK_FALSE(kept->states.contains(token));

  SUBCASE("still in quarantine after a start") {
    const auto last = fill(*writer, *s.calendar, {first_part, seconds});
    const auto done = s.run(*journal, *journal, last, {.checkpoints = dir / "c"});
    CHECK(done.failure.empty());
    CHECK(done.restarts == 0);
    CHECK(done.stopped == 1);
    day replay;
    CHECK(replay.run({.batch = 4000, .quarantines = letters}) == s.made(*journal));
    CHECK(only(s.made(*journal), token) == made_before(only(all, token), letters[0].at));
  }
  SUBCASE("freed before the start") {
    auto lift = letters[0];
    lift.what = letter_kind::lifted;
    lift.cause = {middle, 0};
    {
      auto log = actors::quarantine_log::open(*journal, {});
      REQUIRE(log);
      (*log)->put(lift);
      REQUIRE(*(*log)->lets_pass(middle, [] {}));
    }
    const auto last = fill(*writer, *s.calendar, {first_part, seconds});
    const auto done = s.run(*journal, *journal, last, {.checkpoints = dir / "c"});
    CHECK(done.failure.empty());
    CHECK(done.stopped == 0);
    const auto made = s.made(*journal);
    auto own = only(all, token);
    std::erase_if(own, [&](const auto& b) {
      return b.second.cause.at >= letters[0].at && b.second.cause.at <= middle;
    });
    CHECK(only(made, token) == own);

    // A replay gives also what a repair stores: every bar of a builder that never stopped.
    day replay;
    const auto whole = replay.run({.batch = 4000,
                                   .quarantines = letters_of(*journal),
                                   .repaired = actors::repaired_bars::give});
    CHECK(without(whole, token) == without(made, token));
    // Of one cause, repaired bars come last.
    const auto values = [](const bars& b) {
      std::map<std::tuple<std::string, std::uint32_t, market::timestamp>, market::bar> v;
      for (const auto& [stream, r] : b) v[{stream, r.bar.token, r.bar.start}] = r.bar;
      return v;
    };
    CHECK(whole.size() == all.size());
    CHECK(values(whole) == values(all));
    for (const auto& [stream, r] : only(whole, token)) {
      const bool covered = r.cause.at >= letters[0].at && r.cause.at <= middle;
      CHECK((r.cause.ordinal >= actors::first_repaired_ordinal) == covered);
    }
  }
}

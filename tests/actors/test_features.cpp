#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "app/feature_rules.hpp"
#include "app/journal_range.hpp"
#include "app/pipeline.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "feed/synthetic/generator.hpp"
#include "feed/synthetic/option_price.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "runtime/worker.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"

// The feature stage on its own, over the option chains of the synthetic market.

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using market::feature::option_row;

constexpr int seconds = 40;

/// Frames of the synthetic market and clock marks, four a second, in a bridge.
struct made_market {
  explicit made_market(std::uint64_t seed = 3,
                       feed::synthetic::activity activity = feed::synthetic::activity::every_second)
      : generator(make(seed, activity)) {
    const auto day = market::make_date(2026, 11, 27);
    const auto nse = config::load_calendar("NSE")->calendar;
    open = nse->day(day).sessions.front().open;
    instruments = generator.instruments(day);
    generator.seek(open);
    const auto writer = input->open_writer(record::ticks_stream(), 1);
    REQUIRE(writer);
    std::vector<feed::synthetic::event> events;
    for (auto t = open + 250 * market::millisecond; t <= open + seconds * market::second;
         t += 250 * market::millisecond) {
      events.clear();
      generator.step(t, events);
      // A start repeats the last mark's time, behind ticks that came after it.
      if ((t - open) % (10 * market::second) == 0) add_clock(**writer, t);
      for (const auto& e : events) add_frame(**writer, e);
      add_clock(**writer, t);
    }
  }

  static feed::synthetic::generator make(std::uint64_t seed, feed::synthetic::activity activity) {
    feed::synthetic::options o;
    o.seed = seed;
    o.instruments = 6;
    o.activity = activity;
    o.chains = true;
    auto made = feed::synthetic::generator::make(o, config::load_calendar("NSE")->calendar,
                                                 config::load_calendar("NFO")->calendar);
    REQUIRE(made);
    return std::move(*made);
  }

  void add_frame(bridge::writer& out, const feed::synthetic::event& e) {
    feed::kite::frame_builder frame;
    REQUIRE(frame.add(e.tick));
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::kite_frame, 1, e.at, e.at),
                   frame.finish());
    append(out, bytes);
  }
  void add_clock(bridge::writer& out, market::timestamp t) {
    market::mark m;
    m.time = t;
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::mark, 1, t, t), record::encode(m));
    append(out, bytes);
  }
  void append(bridge::writer& out, const std::string& bytes) {
    const auto at = out.append(bytes, 1, {});
    REQUIRE(at);
    last = *at;
  }

  feed::synthetic::generator generator;
  market::timestamp open = 0;
  std::vector<market::instrument> instruments;
  std::unique_ptr<bridge::memory::memory_bridge> input =
      bridge::memory::make({.max_block_records = 7});
  record::position last;
};

using hook = std::function<void(const market::feature::group_plan&, const messages::feature_work&)>;

struct run_options {
  std::uint64_t batch = 50;
  std::size_t threads = 2;
  hook before_slice{};
  supervisors::intensity intensity{2, std::chrono::seconds(60)};
  std::filesystem::path checkpoints{};
  record::position until{};  ///< zeros: the whole market
  bool save = false;         ///< a checkpoint at the end
  std::uint8_t plan = 0;
};

struct outcome {
  std::vector<record::feature_record> rows;
  std::uint64_t quotes = 0;  ///< given to actors
  std::int64_t failed = 0;
  std::uint64_t restarts = 0;
};

config::settings settings_of_test() {
  config::settings s;
  s.features.chains.rate = feed::synthetic::option_rate;
  s.features.instrument_interval = market::second;
  return s;
}

std::string bytes_of(bridge::bridge& from) {
  const auto cursor = from.open_reader(record::features_stream(), {}, bridge::top::appended, {});
  REQUIRE(cursor);
  std::string all;
  for (;;) {
    const auto blocks = (*cursor)->pull(1'000);
    REQUIRE(blocks);
    if (blocks->empty()) return all;
    for (const auto& b : *blocks) all += b->payload;
  }
}

std::vector<record::feature_record> rows_of(bridge::bridge& from) {
  const auto cursor = from.open_reader(record::features_stream(), {}, bridge::top::appended, {});
  REQUIRE(cursor);
  std::vector<record::feature_record> all;
  for (;;) {
    const auto blocks = (*cursor)->pull(1'000);
    REQUIRE(blocks);
    if (blocks->empty()) return all;
    for (const auto& b : *blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
        auto r = record::decode_feature(h, body);
        REQUIRE(r);
        all.push_back(std::move(*r));
      });
    }
  }
}

/// Waits until there is a checkpoint of everything up to `at`.
void take_checkpoint(const messages::directory& names, const std::filesystem::path& dir,
                     record::position at) {
  const auto reader =
      caf::actor_cast<messages::feature_reader_actor>(names.find(actors::feature_reader_name));
  REQUIRE(reader);
  caf::anon_send(reader, messages::checkpoint_atom_v);
  REQUIRE(test::eventually(
      [&] {
        const auto files = actors::checkpoint_directory(dir).newest_first();
        return !files.empty() && actors::checkpoint_directory::position_of(files.front()) == at;
      },
      std::chrono::seconds(20)));
}

outcome run(made_market& m, bridge::bridge& output, const run_options& o) {
  const feed::kite::frame_decoder decoder;
  runtime::worker disk("checkpoints", 4);
  const auto until = o.until.seq == 0 ? m.last : o.until;
  app::journal_range input(*m.input, {{}, until, nullptr});
  std::shared_ptr<const messages::directory> names;
  const auto calendars = app::load_calendar_set(config::builtin_calendar_names());
  REQUIRE(calendars);
  actors::feature_reader_config c;
  c.input = &input;
  c.output = &output;
  c.decoder = &decoder;
  c.plan = app::feature_setup_of(settings_of_test(), *calendars, m.instruments).plan;
  c.batch = o.batch;
  c.before_slice = o.before_slice;
  c.plan_hash[0] = o.plan;
  c.checkpoint_dir = o.checkpoints;
  c.checkpoint_interval = market::day;
  c.disk = &disk;
  outcome done;
  {
    const auto keep_names = [&](const supervisors::tree_options& t) {
      names = t.directory;
      return std::vector<messages::child_spec>{};
    };
    app::feature_pipeline p(o.threads, c, keep_names, o.intensity);
    REQUIRE(p.wait_for(until));
    if (o.save) take_checkpoint(*names, o.checkpoints, until);
    done.quotes = p.metrics().counter("artham_feature_quotes_total", "").value();
    for (const auto& sample : p.metrics().samples()) {
      if (sample.name == "artham_supervisor_restarts_total")
        done.restarts += static_cast<std::uint64_t>(sample.value);
    }
    done.failed = p.metrics().gauge(actors::feature_groups_failed_metric, "").value();
    CHECK(p.check_groups().has_value() == (done.failed == 0));
  }
  done.rows = rows_of(output);
  return done;
}

outcome run(made_market& m, const run_options& o = {}) {
  const auto output = bridge::memory::make();
  return run(m, *output, o);
}

bool is_of(const record::feature_record& r, const std::string& underlying) {
  return r.chain() != nullptr && r.chain()->underlying == underlying;
}

}  // namespace

TEST_CASE("neither blocks nor threads nor a second reading can be seen in md:features") {
  made_market m;
  const auto expected = run(m);
  REQUIRE(expected.rows.size() > 200);
  CHECK(std::ranges::is_sorted(expected.rows, {}, &record::feature_record::cause));
  std::set<std::tuple<std::string, market::date, market::timestamp>> told;
  for (const auto& r : expected.rows) {
    if (const auto* const c = r.chain())
      CHECK(told.emplace(c->underlying, c->expiry, c->at).second);
  }
  for (const std::uint64_t batch : {1, 33, 100'000}) {
    for (const std::size_t threads : {1, 4}) {
      INFO("batch " << batch << ", threads " << threads);
      CHECK(run(m, {.batch = batch, .threads = threads}).rows == expected.rows);
    }
  }
  const auto output = bridge::memory::make();
  CHECK(run(m, *output, {}).rows == expected.rows);
  CHECK(run(m, *output, {.batch = 11}).rows == expected.rows);
}

TEST_CASE("a feature actor that dies is made again and nothing is lost or told twice") {
  made_market m;
  const auto expected = run(m);
  std::atomic<int> slices{0};
  const auto got = run(m, {.before_slice =
                               [&](const auto& group, const auto&) {
                                 // Few, as each costs a longer wait than the one before.
                                 if (group.name == "NIFTY" && ++slices % 9 == 5 && slices < 40)
                                   throw std::runtime_error("a test's crash");
                               },
                           .intensity = {1'000, std::chrono::seconds(1)}});
  CHECK(got.restarts == 4);
  CHECK(got.failed == 0);
  CHECK(got.rows == expected.rows);
}

TEST_CASE("begun at a checkpoint, wherever it stands, md:features has the same bytes") {
  made_market m;
  const auto whole = bridge::memory::make();
  const auto expected = run(m, *whole, {});
  const auto bytes = bytes_of(*whole);
  REQUIRE(bytes.size() > 10'000);
  std::mt19937_64 random(20'261'128);
  for (int n = 0; n < 16; ++n) {
    const test::scratch dir;
    const auto output = bridge::memory::make();
    record::position at{1, 0};
    std::uint64_t last_part = 0;
    while (at < m.last) {
      // Somewhere in a block, and from there on with other blocks.
      at.seq = std::min(at.seq + 1 + random() % (2 * m.last.seq / 3), m.last.seq);
      INFO("cut " << n << " at " << at.seq);
      last_part = run(m, *output,
                      {.batch = 1 + random() % 200,
                       .threads = 1 + random() % 3,
                       .checkpoints = dir / "",
                       .until = at,
                       .save = true})
                      .quotes;
      if (random() % 3 != 0) continue;
      // On without one: there is more than the checkpoint knows of.
      at.seq = std::min(at.seq + 1 + random() % 200, m.last.seq);
      run(m, *output, {.checkpoints = dir / "", .until = at});
    }
    CHECK(last_part < expected.quotes);
    CHECK(bytes_of(*output) == bytes);
  }
}

TEST_CASE("behind a checkpoint nothing is needed of what comes before it, by who dies neither") {
  made_market m;
  const auto expected = run(m);
  const test::scratch dir;
  const auto output = bridge::memory::make();
  const record::position at{1, m.last.seq / 3};
  run(m, *output, {.checkpoints = dir / "", .until = at, .save = true});
  m.input->drop_before(record::ticks_stream(), at);
  std::atomic<int> slices{0};
  const auto got = run(m, *output,
                       {.before_slice =
                            [&](const auto& group, const auto&) {
                              if (group.name == "NIFTY" && ++slices % 9 == 5 && slices < 20)
                                throw std::runtime_error("a test's crash");
                            },
                        .intensity = {1'000, std::chrono::seconds(1)},
                        .checkpoints = dir / ""});
  CHECK(got.restarts == 2);
  CHECK(got.quotes < expected.quotes * 3 / 4);
  CHECK(got.rows == expected.rows);
}

TEST_CASE("a checkpoint that is of no use is passed over") {
  made_market m;
  const auto expected = run(m);
  const test::scratch dir;
  const auto output = bridge::memory::make();
  const record::position first{1, m.last.seq / 3};
  const record::position second{1, m.last.seq * 2 / 3};
  run(m, *output, {.checkpoints = dir / "", .until = first, .save = true});
  run(m, *output, {.checkpoints = dir / "", .until = second, .save = true});
  const auto newest = actors::checkpoint_directory(dir / "").newest_first().front();

  SUBCASE("as a byte of it is another: the one before counts") {
    std::fstream file(newest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file.put('x');
    file.close();
    const auto got = run(m, *output, {.checkpoints = dir / ""});
    CHECK(got.rows == expected.rows);
    CHECK(got.quotes > expected.quotes * 5 / 9);
    CHECK(got.quotes < expected.quotes * 7 / 9);
  }
  SUBCASE("as it was made under another plan") {
    const auto got = run(m, *output, {.checkpoints = dir / "", .plan = 1});
    CHECK(got.rows == expected.rows);
    CHECK(got.quotes == expected.quotes);
  }
  SUBCASE("as it knows of features that were lost") {
    const auto got = run(m, {.checkpoints = dir / ""});
    CHECK(got.rows == expected.rows);
    CHECK(got.quotes == expected.quotes);
  }
  SUBCASE("as it stands behind the end of md:ticks") {
    const record::position third{1, second.seq - 1};
    const auto got = run(m, *output, {.checkpoints = dir / "", .until = third});
    CHECK(got.quotes < expected.quotes / 2);
    CHECK(run(m, *output, {}).rows == expected.rows);
  }
}

TEST_CASE("a group that was parked at the checkpoint comes back whole") {
  made_market m;
  const auto expected = run(m).rows;
  const test::scratch dir;
  const auto output = bridge::memory::make();
  const record::position at{1, m.last.seq / 2};
  const auto parked = run(m, *output,
                          {.before_slice =
                               [](const auto& group, const auto&) {
                                 if (group.name == "NIFTY")
                                   throw std::runtime_error("a test's crash");
                               },
                           .checkpoints = dir / "",
                           .until = at,
                           .save = true});
  CHECK(parked.failed == 1);
  const auto got = run(m, *output, {.checkpoints = dir / ""});
  CHECK(got.failed == 0);
  const auto behind = [&](std::vector<record::feature_record> rows) {
    std::erase_if(rows, [&](const auto& r) { return r.cause.at <= at; });
    return rows;
  };
  REQUIRE(behind(expected).size() > 50);
  CHECK(behind(got.rows) == behind(expected));
}

TEST_CASE("one that dies again and again stops alone, and is counted") {
  made_market m;
  auto expected = run(m).rows;
  const auto got = run(m, {.before_slice = [](const auto& group, const auto&) {
                         if (group.name == "NIFTY") throw std::runtime_error("a test's crash");
                       }});
  CHECK(got.failed == 1);
  std::erase_if(expected, [](const auto& r) {
    // The index and its future belong to the group.
    return is_of(r, "NIFTY") ||
           (r.instrument() != nullptr &&
            (r.instrument()->token == 256'265 || r.instrument()->token == 49'000 * 256 + 2));
  });
  REQUIRE(got.rows.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(got.rows[i].row == expected[i].row);
}

TEST_CASE("volatilities are those of the market's true surface, as far as quotes can tell") {
  made_market m(5);
  const auto got = run(m);
  std::size_t compared = 0;
  for (const auto& r : got.rows) {
    if (!is_of(r, "NIFTY")) continue;
    const auto& c = *r.chain();
    // Of the last second, all have ticked: the quotes are of one moment.
    const auto moment = c.at - market::second;
    double forward_error = 1e300;
    for (std::size_t i = 1; i < c.options.size(); ++i) {
      const auto& call = c.options[i - 1];
      const auto& put = c.options[i];
      if (call.strike != put.strike || call.bid.units == 0 || put.bid.units == 0) continue;
      forward_error = std::min(forward_error, static_cast<double>(call.ask.units - call.bid.units +
                                                                  put.ask.units - put.bid.units) /
                                                  2e9);
    }
    for (const auto& o : c.options) {
      if (o.is != market::option::state::ok || o.bid.units == 0 || o.age > market::second) continue;
      const auto truth = m.generator.true_value(o.token, moment);
      REQUIRE(truth);
      const double spread = static_cast<double>(o.ask.units - o.bid.units) / 1e9;
      const double allowed =
          1.05 * (spread / 2 + std::abs(o.delta) * (4 * forward_error + 0.01)) / (o.vega * 100);
      if (allowed > 0.02) continue;  // the quote says next to nothing of volatility
      CHECK_MESSAGE(std::abs(o.iv - truth->volatility) <= allowed,
                    o.token << " " << o.iv << " " << truth->volatility << " " << allowed);
      ++compared;
    }
  }
  CHECK(compared > 1'000);
}

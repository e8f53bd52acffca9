#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "actors/checkpoint.hpp"
#include "app/feature_rules.hpp"
#include "app/journal_upkeep.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "store/sqlite/database.hpp"
#include "tests/support/process.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)

namespace {

/// Keeps what it is asked to remove.
struct asked_trimmer : bridge::local::trimmer {
  result<bridge::local::trim_report> trim(const bridge::local::trim_limits& limits) override {
    asked = limits;
    return bridge::local::trim_report{};
  }
  [[nodiscard]] std::vector<bridge::local::stream_size> sizes() const override { return {}; }
  std::optional<bridge::local::trim_limits> asked;
};

void store_up_to(store::writer& to, const std::string& stream, record::position at,
                 std::uint32_t shard = 0) {
  store::batch b;
  const store::stored_position before{"store of " + stream, stream, shard, {}, 0};
  auto after = before;
  after.at = at;
  b.expected = {&before, 1};
  b.positions = {&after, 1};
  REQUIRE(to.commit(b));
}

/// A journal in memory, a store, and the upkeep of both, which is asked once.
struct kept {
  kept() {
    o.journal = dir.path();
    o.checkpoints = dir.path() / "checkpoints";
    o.retention = market::day;
  }
  void look() {
    app::journal_upkeep upkeep(o, *journal, trimmer, &store->reading(), metrics);
    REQUIRE(upkeep.remove_old());
  }
  void checkpoint(record::position at) const {
    actors::checkpoint c;
    c.at = at;
    REQUIRE(actors::checkpoint_directory(o.checkpoints).save(c));
  }

  test::scratch dir;
  std::unique_ptr<bridge::memory::memory_bridge> journal = bridge::memory::make();
  std::unique_ptr<store::database> store =
      std::move(*store::sqlite::open(dir.path() / "artham.db", {}));
  std::shared_ptr<asked_trimmer> trimmer = std::make_shared<asked_trimmer>();
  runtime::metrics metrics;
  app::upkeep_options o;
};

}  // namespace

TEST_CASE("what stores and checkpoints have passed may go, but never what is in quarantine") {
  kept k;
  const auto bars = record::final_bars_stream("1m");
  store_up_to(k.store->writing(), record::ticks_stream(), {1, 900});
  store_up_to(k.store->writing(), bars, {1, 40});
  store_up_to(k.store->writing(), record::dead_letters_stream(), {1, 3});
  k.look();
  CHECK_FALSE(k.trimmer->asked);  // without a checkpoint all of md:ticks is needed

  k.checkpoint({1, 700});
  k.look();
  REQUIRE(k.trimmer->asked);
  CHECK(k.trimmer->asked->passed.at(record::ticks_stream()) == record::position{1, 700});
  CHECK(k.trimmer->asked->passed.at(bars) == record::position{1, 40});
  CHECK_FALSE(k.trimmer->asked->passed.contains(record::dead_letters_stream()));
}

TEST_CASE("ticks that are stored in shards may go when the last of the shards has passed them") {
  kept k;
  k.o.tick_shards = 3;
  k.checkpoint({1, 990});
  store_up_to(k.store->writing(), record::ticks_stream(), {1, 900}, 0);
  store_up_to(k.store->writing(), record::ticks_stream(), {1, 500}, 1);
  k.look();
  CHECK_FALSE(k.trimmer->asked);  // the third has stored nothing yet
  store_up_to(k.store->writing(), record::ticks_stream(), {1, 800}, 2);
  k.look();
  REQUIRE(k.trimmer->asked);
  CHECK(k.trimmer->asked->passed.at(record::ticks_stream()) == record::position{1, 500});
}

TEST_CASE("what a checkpoint of features needs is kept, while features are made") {
  kept k;
  store_up_to(k.store->writing(), record::ticks_stream(), {1, 900});
  k.checkpoint({1, 700});
  actors::checkpoint c;
  const actors::checkpoint_directory of_features(app::feature_checkpoints(k.o.checkpoints));
  for (const std::uint64_t seq : {600, 800}) {
    c.at = {1, seq};
    REQUIRE(of_features.save(c));
  }
  const auto ticks_passed = [&] {
    k.look();
    REQUIRE(k.trimmer->asked);
    return k.trimmer->asked->passed.at(record::ticks_stream());
  };
  CHECK(ticks_passed() == record::position{1, 700});
  k.o.features = true;
  CHECK(ticks_passed() == record::position{1, 600});
}

TEST_CASE("the day of the newest feature is kept: a start may have to read it again") {
  kept k;
  const auto nse = config::load_calendar("NSE")->calendar;
  k.o.calendars = {nse};
  const auto feature_day = nse->day(market::make_date(2026, 11, 23));
  const auto now = nse->day(market::make_date(2026, 11, 27)).sessions.front().open;
  const auto append = [&](const std::string& stream, record::header h, const std::string& body) {
    std::string bytes;
    record::append(bytes, h, body);
    REQUIRE((*k.journal->open_writer(stream, 1))->append(bytes, 1, {}));
  };
  market::mark m;
  m.time = now;
  append(record::ticks_stream(), record::with_times(record::kind::mark, 1, now, now),
         record::encode(m));
  market::feature::instrument_row row;
  row.mark = feature_day.sessions.front().open;
  std::string body;
  record::encode(body, row);
  append(record::features_stream(),
         record::with_cause(record::kind::instrument_feature, {{1, 1}, 0}), body);
  store_up_to(k.store->writing(), record::ticks_stream(), {1, 1});
  k.checkpoint({1, 1});

  k.look();
  REQUIRE(k.trimmer->asked);
  CHECK(k.trimmer->asked->before == now - market::day);
  k.o.features = true;
  k.look();
  CHECK(k.trimmer->asked->before <= feature_day.begin);
}

TEST_CASE(
    "in a cluster that may go which everybody has passed, and nothing while that is not known") {
  kept k;
  record::position passed;
  k.o.passed_ticks = [&] { return passed; };
  k.look();
  CHECK_FALSE(k.trimmer->asked);
  passed = {3, 700};
  k.look();
  REQUIRE(k.trimmer->asked);
  CHECK(k.trimmer->asked->passed ==
        std::map<std::string, record::position>{{record::ticks_stream(), {3, 700}}});
  k.trimmer->asked.reset();
  k.o.passed_ticks = [] {
    return result<record::position>(fail(errc::unavailable, "Redis does not answer"));
  };
  app::journal_upkeep upkeep(k.o, *k.journal, k.trimmer, nullptr, k.metrics);
  CHECK_FALSE(upkeep.remove_old());
  CHECK_FALSE(k.trimmer->asked);
}

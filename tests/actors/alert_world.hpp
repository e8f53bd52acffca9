#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include "actors/alert/alert_evaluator.hpp"
#include "actors/alert/stored_rules.hpp"
#include "bridge/memory/memory.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "messages/system.hpp"
#include "store/sqlite/alerts.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"

namespace artham::test {

/// Streams in memory, a book of alerts in a file, and who evaluates the one into the other.
struct alert_world {
  static constexpr std::uint32_t infy = 408065;

  alert_world() {
    ticks = *journal->open_writer(record::ticks_stream(), 1);
    bars = *journal->open_writer(record::final_bars_stream("1m"), 1);
    book = open();
    desk = std::make_shared<actors::alert_desk>(open(), "alerts", 64);
  }
  ~alert_world() {
    for (std::size_t i = 0; i < running.size(); ++i) kill(i);
    running.clear();
    system.await_all_actors_done();
    desk->stop();
  }
  alert_world(const alert_world&) = delete;
  alert_world& operator=(const alert_world&) = delete;

  [[nodiscard]] std::unique_ptr<store::alert_book> open() const {
    auto opened = store::sqlite::open_alerts(dir / "artham.db");
    REQUIRE_MESSAGE(opened, opened.error().message);
    return std::move(*opened);
  }
  [[nodiscard]] static std::vector<actors::alert_input> inputs() {
    return actors::alert_inputs(*market::parse_timeframes("1m"), false);
  }
  void start() {
    actors::alert_evaluator_config c;
    c.journal = journal.get();
    c.inputs = inputs();
    c.desk = desk;
    c.bell = bell;
    c.decoder = &decoder;
    c.metrics = &metrics;
    c.batch = 8;
    c.poll = std::chrono::milliseconds(5);
    c.position_age = std::chrono::milliseconds(20);
    running.push_back(system.spawn(actors::alert_evaluator, std::move(c)));
  }
  void kill(std::size_t which) {
    if (running[which]) caf::anon_send_exit(running[which], caf::exit_reason::kill);
    running[which] = nullptr;
  }

  store::alert_rule rule(const std::string& key, const std::string& condition,
                         const std::string& repeat = "each") {
    store::alert_rule r;
    r.owner = "anybody";
    r.name = key + " " + condition;
    r.key = key;
    r.condition = condition;
    r.repeat = repeat;
    r.token = key.starts_with("gap") ? 0 : infy;
    r.after = journal->stream_tops(record::ticks_stream())->appended;
    auto made = book->add_rule(r, {1000, 1000});
    REQUIRE_MESSAGE(made, made.error().message);
    return *made;
  }
  store::alert_rule change(store::alert_rule r) {
    r.after = journal->stream_tops(record::ticks_stream())->appended;
    auto made = book->change_rule(r, {1000, 1000});
    REQUIRE_MESSAGE(made, made.error().message);
    return *made;
  }
  /// Somebody evaluates it.
  bool in_force(const store::alert_rule& r) {
    return eventually(
        [&] {
          const auto found = book->rule(r.id);
          return found && *found && (*found)->rule.version == r.version &&
                 (*found)->progress.has_value();
        },
        std::chrono::seconds(30));
  }

  void tick(int price) {
    market::bar_input t;
    t.token = infy;
    t.time = ++seconds * market::second;
    t.last = {price * market::price_scale};
    std::string body;
    std::string payload;
    record::encode(body, std::span<const market::bar_input>(&t, 1));
    record::append(payload, record::with_times(record::kind::packed_ticks, 1, t.time, t.time),
                   body);
    REQUIRE(ticks->append(payload, 1, {}));
  }
  void gap() {
    market::mark m;
    m.kind = market::mark_kind::gap;
    m.from = seconds * market::second;
    m.time = ++seconds * market::second;
    std::string payload;
    record::append(payload, record::with_times(record::kind::mark, 1, m.time, m.time),
                   record::encode(m));
    REQUIRE(ticks->append(payload, 1, {}));
  }
  /// That the newest tick closed.
  void bar(int close) {
    market::bar b;
    b.token = infy;
    b.start = ++minutes * market::minute;
    b.end = b.start + market::minute;
    b.open = b.high = b.low = b.close = {close * market::price_scale};
    b.ticks = 1;
    std::string body;
    std::string payload;
    record::encode(body, b);
    const auto cause = journal->stream_tops(record::ticks_stream())->appended;
    record::append(payload, record::with_cause(record::kind::bar, {cause, 0}), body);
    REQUIRE(bars->append(payload, 1, {}));
  }

  [[nodiscard]] std::vector<std::string> stored() const {
    std::vector<std::string> ids;
    const auto rows = book->alerts({{}, {}, 0, 1'000'000});
    REQUIRE(rows);
    for (const auto& r : *rows) ids.push_back(r.id);
    std::ranges::sort(ids);
    return ids;
  }
  /// What the recorded rules say to the streams from their beginnings, as a replay would have it.
  [[nodiscard]] std::vector<std::string> replayed() const {
    const auto rules = book->evaluated_rules();
    REQUIRE(rules);
    std::vector<market::alert::bound_rule> bound;
    for (auto r : *rules) {
      r.progress->state =
          market::alert::write_state(market::alert::fresh_state(*actors::parse_rule(r.rule)));
      auto b = actors::bind_rule(r, {});
      REQUIRE(b);
      bound.push_back(std::move(*b));
    }
    market::alert::rule_set set(std::move(bound));
    std::vector<std::string> ids;
    for (const auto& input : inputs()) {
      const auto reader = *journal->open_reader(input.name, {}, bridge::top::durable, {});
      std::vector<market::alert::fired> fired;
      record::position cause;
      for (;;) {
        const auto blocks = reader->pull(5);
        REQUIRE(blocks);
        if (blocks->empty()) break;
        for (const auto& b : *blocks)
          REQUIRE(actors::evaluate(set, input, *b, {}, decoder, cause, fired));
      }
      for (const auto& f : fired) ids.push_back(market::alert::alert_id(f));
    }
    std::ranges::sort(ids);
    return ids;
  }
  /// All that there is has been evaluated for good.
  bool settled() const {
    return eventually(
        [&] {
          std::vector<std::string> names;
          for (const auto& i : inputs()) names.push_back(i.name);
          const auto all = book->load(names);
          if (!all) return false;
          for (std::size_t i = 0; i < names.size(); ++i) {
            const auto top = journal->stream_tops(names[i])->durable;
            if (!all->positions[i] || all->positions[i]->at < top) return false;
          }
          return true;
        },
        std::chrono::seconds(30));
  }

  scratch dir;
  std::shared_ptr<bridge::bridge> journal = bridge::memory::make({4});
  std::unique_ptr<bridge::writer> ticks;
  std::unique_ptr<bridge::writer> bars;
  std::int64_t seconds = 0;
  std::int64_t minutes = 0;
  feed::kite::frame_decoder decoder;
  runtime::metrics metrics;
  std::unique_ptr<store::alert_book> book;  ///< the test's own
  std::shared_ptr<actors::alert_desk> desk;
  std::shared_ptr<actors::alert_bell> bell = std::make_shared<actors::alert_bell>();
  caf::actor_system_config config = messages::make_system_config(2);
  caf::actor_system system{config};
  std::vector<messages::alert_evaluator_actor> running;
};

}  // namespace artham::test

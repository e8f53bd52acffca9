#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "actors/replay/replay_conductor.hpp"
#include "app/calendars.hpp"
#include "app/pipeline.hpp"
#include "bridge/common/paced_journal.hpp"
#include "messages/protocol/json.hpp"
#include "supervisors/roles.hpp"
#include "tests/actors/final_bars.hpp"
#include "tests/actors/gateway_world.hpp"
#include "tests/support/deterministic.hpp"

namespace artham::test {

/// Twelve minutes of two shares that tick once a second, a clock mark behind each second.
struct replay_day {
  replay_day() {
    const auto loaded = config::load_calendar("NSE");
    REQUIRE(loaded);
    calendar = loaded->calendar;
    open = calendar->day(market::make_date(2026, 11, 20)).sessions.front().open;
    for (const auto& [token, symbol] : {std::pair{408065U, "INFY"}, {738561U, "RELIANCE"}}) {
      market::instrument i;
      i.token = token;
      i.exchange = "NSE";
      i.symbol = symbol;
      list.push_back(std::move(i));
    }
    calendars.by_name.emplace("NSE", calendar);
    index = std::make_shared<const actors::instrument_index>(list, calendars.by_name);
    plans = std::make_shared<const app::plan_book>(
        market::bar_plan{timeframes, 3 * market::second, nullptr, 15 * market::minute}, calendars,
        index);
    auto w = journal->open_writer(record::ticks_stream(), 1);
    REQUIRE(w);
    market::mark begin;
    begin.kind = market::mark_kind::epoch;
    begin.time = open - market::minute;
    put(**w, begin);
    for (int second = 0; second <= minutes * 60; ++second) {
      for (const auto& i : list) tick(**w, i.token, second);
      market::mark clock;
      clock.time = open + second * market::second + market::second / 2;
      put(**w, clock);
    }
    last = journal->stream_tops(record::ticks_stream())->appended;
  }

  void put(bridge::writer& to, const market::mark& m) const {
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::mark, 1, m.time, m.time),
                   record::encode(m));
    REQUIRE(to.append(bytes, 1, {}));
  }
  void tick(bridge::writer& to, std::uint32_t token, int second) const {
    market::bar_input t;
    t.token = token;
    t.time = open + second * market::second;
    t.last = {(1'500 + second * 7 % 40) * market::price_scale};
    std::string body;
    std::string bytes;
    record::encode(body, std::span<const market::bar_input>(&t, 1));
    record::append(bytes, record::with_times(record::kind::packed_ticks, 1, t.time, t.time), body);
    const std::uint32_t of[] = {token};
    REQUIRE(to.append(bytes, 1, of));
  }
  [[nodiscard]] actors::bar_reader_config bars() const {
    actors::bar_reader_config c;
    c.input = journal.get();
    c.decoder = &decoder;
    c.timeframes = timeframes;
    c.plan_of = [p = plans](std::uint32_t token) { return p->of(token); };
    return c;
  }
  /// JSON of the final bars that a run makes, by stream, with the times of the marks that made
  /// them.
  struct made_bar {
    std::uint32_t token;
    market::timestamp at;
    std::string json;
  };
  [[nodiscard]] std::map<std::string, std::vector<made_bar>> made() const {
    const auto out = bridge::memory::make();
    auto c = bars();
    c.output = out.get();
    {
      app::bar_pipeline live(2, c);
      REQUIRE(live.wait_for(last));
    }
    std::map<std::uint64_t, market::timestamp> times;
    auto cursor = journal->open_reader(record::ticks_stream(), {}, bridge::top::appended, {});
    const auto blocks = (*cursor)->pull(1U << 20U);
    for (const auto& b : *blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
        times[seq] = record::receive_time(h);
      });
    }
    std::map<std::string, std::vector<made_bar>> all;
    for_each_final_bar(*out, timeframes,
                       [&](const std::string& stream, const record::bar_record& r) {
                         std::string json;
                         protocol::append_bar(json, r.bar, true);
                         all[stream].push_back({r.bar.token, times.at(r.cause.at.seq), json});
                       });
    return all;
  }

  static constexpr int minutes = 12;
  market::calendar_ptr calendar;
  market::timestamp open = 0;
  std::vector<market::instrument> list;
  app::calendar_set calendars;
  std::shared_ptr<const actors::instrument_index> index;
  std::vector<market::timeframe> timeframes = *market::parse_timeframes("10s 1m 5m");
  std::shared_ptr<const app::plan_book> plans;
  std::unique_ptr<bridge::memory::memory_bridge> journal =
      bridge::memory::make({.max_block_records = 100});
  feed::kite::frame_decoder decoder;
  record::position last;
};

/// A replay whose actors run when the test says so, by a clock that the test moves.
struct replay_world {
  struct wish {
    int from = 0;  ///< seconds from the open
    int to = replay_day::minutes * 60;
    std::uint32_t speed = 1000;
    bool paused = true;
    std::uint8_t space = 3;
    std::size_t bytes = 64 << 10;
    std::vector<store::alert_rule> rules{};
    bool alerts = true;
  };
  replay_world() : replay_world(wish{}) {}
  explicit replay_world(wish w) {
    bridge::paced_journal::options paced;
    paced.from = day.journal.get();
    paced.make_outputs = [made = outputs]() -> std::shared_ptr<bridge::bridge> {
      *made = bridge::memory::make();
      return *made;
    };
    journal = std::make_shared<bridge::paced_journal>(std::move(paced));
    actors::replay_line::parts parts_of_line;
    parts_of_line.id = "r1";
    parts_of_line.space = w.space;
    parts_of_line.keys =
        std::make_shared<const actors::key_resolver>(day.index, day.timeframes, nullptr);
    parts_of_line.instruments = day.index;
    parts_of_line.names = names;
    parts_of_line.bytes_at_most = w.bytes;
    parts_of_line.owner = owner;
    parts_of_line.alerts = w.alerts;
    rules = w.rules;
    line = std::make_shared<actors::replay_line>(std::move(parts_of_line));
    lines->put(line);
    tree.directory = names;
    supervisors::supervisor_options o;
    o.name = "replay";
    o.directory = names;
    parts = supervisors::spawn_dynamic_supervisor(run.system, std::move(o));
    run.run();
    conductor = run.system.spawn(actors::replay_conductor, config(w));
    run.run();
  }
  ~replay_world() {
    for (const auto& s : sessions) caf::anon_send(s, messages::closed_atom_v);
    sessions.clear();
    caf::anon_send_exit(conductor, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(parts, caf::exit_reason::user_shutdown);
    conductor = nullptr;
    parts = nullptr;
    run.run();
  }
  replay_world(const replay_world&) = delete;
  replay_world& operator=(const replay_world&) = delete;

  actors::replay_conductor_config config(const wish& w) {
    actors::replay_conductor_config c;
    c.id = "r1";
    c.source = day.journal.get();
    c.journal = journal;
    c.line = line;
    c.names = names;
    c.parts = parts;
    c.until = day.last;
    c.from = at(w.from);
    c.to = at(w.to);
    if (w.to != replay_day::minutes * 60) c.until = position_before(w.to);
    c.rules_after = {1, 1};
    c.speed = w.speed;
    c.paused = w.paused;
    c.timeframes = day.timeframes;
    c.idle = std::chrono::seconds(30);
    c.same_rules = [](const market::config_hashes&) { return true; };
    c.trim = [made = outputs] {
      for (const auto& stream : (*made)->streams()) {
        const auto tops = (*made)->stream_tops(stream);
        if (tops && tops->appended.seq > 1)
          (*made)->drop_before(stream, {tops->appended.epoch, tops->appended.seq - 1});
      }
    };
    c.on_over = [this](const std::string& state, const std::string& cause) {
      over.emplace_back(state, cause);
      line->close(state, cause);
    };
    c.front = [this](const messages::replay_conductor_actor& who) {
      actors::hub_config hub;
      hub.journal = &journal->shown();
      hub.tokens = std::make_shared<const actors::token_codec>(
          0, actors::stream_list(day.timeframes, false, 1));
      hub.decoder = &day.decoder;
      hub.store = &store;
      hub.store_thread = &history;
      hub.metrics = &metrics;
      hub.names = names;
      hub.instruments = day.index;
      hub.timeframes = day.timeframes;
      hub.flush = std::chrono::microseconds(0);
      hub.replay = line;
      hub.rules = rules;
      hub.on_told = [who](record::position p) { caf::anon_send(who, messages::flush_atom_v, p); };
      return supervisors::replay_front(tree, std::move(hub));
    };
    c.units = [this](const messages::replay_conductor_actor& who, std::uint64_t life) {
      auto bars = day.bars();
      bars.input = bars.output = &journal->work();
      bars.metrics = &metrics;
      bars.names = names;
      bars.on_processed = [who, life](record::position p) {
        caf::anon_send(who, messages::done_atom_v, std::uint32_t{0}, life, p);
      };
      ++lives;
      auto spec = supervisors::bars_tree(tree, std::move(bars));
      spec.restart = messages::restart::temporary;
      return std::vector<messages::child_spec>{std::move(spec)};
    };
    return c;
  }

  [[nodiscard]] market::timestamp at(int second) const {
    return day.open + second * market::second;
  }
  [[nodiscard]] record::position position_before(int second) const {
    // An epoch mark, then two ticks and a mark for each second.
    return {1, 1 + static_cast<std::uint64_t>(second) * 3};
  }

  struct client_of {
    std::shared_ptr<listener> socket = std::make_shared<listener>();
    messages::session_actor session;
  };
  client_of connect(messages::format format = messages::format::json,
                    const std::string& whose = owner) {
    client_of c;
    actors::session_config s;
    s.client = c.socket;
    s.format = format;
    s.owner = whose;
    s.keys = std::make_shared<const actors::key_resolver>(day.index, day.timeframes, nullptr);
    s.names = std::make_shared<messages::directory>();
    s.replays = lines;
    s.metrics = &metrics;
    s.held_bytes = 64 << 20;
    c.session = run.system.spawn(actors::session, s);
    sessions.push_back(c.session);
    return c;
  }
  nlohmann::json ask(const client_of& c, int id, const std::string& text) {
    caf::anon_send(c.session, messages::command_atom_v,
                   R"({"id":)" + std::to_string(id) + "," + text + "}");
    run.run();
    for (const auto& t : c.socket->texts()) {
      auto m = nlohmann::json::parse(t);
      if (m.value("id", 0) == id) return m;
    }
    return {};
  }
  nlohmann::json subscribe(const client_of& c, int id, const std::string& keys,
                           const std::string& more = "") {
    return ask(c, id, R"("op":"sub","keys":[)" + keys + "]" + more);
  }
  /// Events that came since the last call, of that name, or all for none.
  std::vector<nlohmann::json> news(const client_of& c, const std::string& name = "") {
    std::vector<nlohmann::json> some;
    const auto texts = c.socket->texts();
    auto& seen = seen_[c.socket.get()];
    for (; seen < texts.size(); ++seen) {
      auto m = nlohmann::json::parse(texts[seen]);
      if (m.contains("ev") && (name.empty() || m["ev"] == name)) some.push_back(std::move(m));
    }
    return some;
  }
  /// The state, or `{"error":…}`.
  nlohmann::json tell(const messages::replay_command& c) {
    auto found = std::make_shared<nlohmann::json>();
    run.system.spawn([found, c, who = conductor](caf::event_based_actor* self) {
      self->request(who, caf::infinite, c)
          .then([found](const std::string& text) { *found = nlohmann::json::parse(text); },
                [found](const caf::error& e) { (*found)["error"] = messages::error_text(e); });
    });
    run.run();
    return *found;
  }
  nlohmann::json state() {
    auto found = std::make_shared<nlohmann::json>();
    run.system.spawn([found, who = conductor](caf::event_based_actor* self) {
      self->request(who, caf::infinite, messages::status_atom_v)
          .then([found](const std::string& text) { *found = nlohmann::json::parse(text); },
                [](const caf::error&) {});
    });
    run.run();
    return *found;
  }
  nlohmann::json tell(messages::replay_command::op what) {
    messages::replay_command c;
    c.what = what;
    return tell(c);
  }
  nlohmann::json step(messages::replay_command::stretch by, const std::string& timeframe = "") {
    messages::replay_command c;
    c.what = messages::replay_command::op::step;
    c.by = by;
    if (!timeframe.empty()) c.timeframe = *market::parse_timeframe(timeframe);
    return tell(c);
  }
  nlohmann::json seek(int second) {
    messages::replay_command c;
    c.what = messages::replay_command::op::seek;
    c.to = at(second);
    return tell(c);
  }
  nlohmann::json speed(std::uint32_t thousandths) {
    messages::replay_command c;
    c.what = messages::replay_command::op::speed;
    c.speed = thousandths;
    return tell(c);
  }

  static inline const std::string owner = "key:3";
  replay_day day;
  runtime::metrics metrics;
  std::vector<store::alert_rule> rules;
  some_store store;
  runtime::worker history{"history", 4};
  std::shared_ptr<std::shared_ptr<bridge::memory::memory_bridge>> outputs =
      std::make_shared<std::shared_ptr<bridge::memory::memory_bridge>>();
  std::shared_ptr<messages::directory> names = std::make_shared<messages::directory>();
  std::shared_ptr<bridge::paced_journal> journal;
  std::shared_ptr<actors::replay_lines> lines = std::make_shared<actors::replay_lines>();
  actors::replay_line_ptr line;
  supervisors::tree_options tree;
  std::vector<std::pair<std::string, std::string>> over;
  std::uint64_t lives = 0;
  deterministic run;
  messages::supervisor_actor parts;
  messages::replay_conductor_actor conductor;
  std::vector<messages::session_actor> sessions;

 private:
  std::map<const listener*, std::size_t> seen_;
};

}  // namespace artham::test

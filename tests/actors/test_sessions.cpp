#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include "actors/session/hub.hpp"
#include "actors/session/session.hpp"
#include "app/calendars.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/system.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/no_features.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

/// A store whose bars cannot be read while it is broken.
class some_store final : public support::no_features {
 public:
  std::atomic<bool> broken{false};
  std::vector<record::bar_record> rows;

  result<std::vector<record::bar_record>> bars(const store::bar_query&) override {
    if (broken) return fail(errc::io, "artham.db: disk I/O error");
    return rows;
  }
  result<std::vector<market::bar>> candles(std::string_view, const store::bar_query&) override {
    return {};
  }
  result<std::vector<store::stored_instrument>> instruments() override { return {}; }
  result<std::optional<store::stored_instrument>> find(std::string_view,
                                                       std::optional<market::date>) override {
    return std::nullopt;
  }
  result<std::vector<store::gap_row>> gaps(market::timestamp, market::timestamp) override {
    return {};
  }
  result<std::uint64_t> count_ticks() override { return 0; }
  result<std::vector<store::stored_position>> positions() override { return {}; }
};

/// What a reader gives, behind a block that is not there any more once `lost` is set.
class reader_behind final : public bridge::reader {
 public:
  reader_behind(std::unique_ptr<bridge::reader> inner, std::shared_ptr<std::atomic<bool>> lost)
      : inner_(std::move(inner)), lost_(std::move(lost)) {}
  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override {
    auto blocks = inner_->pull(max_records);
    if (blocks && !blocks->empty() && lost_->exchange(false)) {
      auto gone = std::make_shared<record::block>();
      gone->damaged = true;
      blocks->insert(blocks->begin(), std::move(gone));
    }
    return blocks;
  }
  void when_ready(std::function<void()> fn) override { inner_->when_ready(std::move(fn)); }
  [[nodiscard]] std::uint64_t lag() const override { return inner_->lag(); }

 private:
  std::unique_ptr<bridge::reader> inner_;
  std::shared_ptr<std::atomic<bool>> lost_;
};

/// A bridge in memory of whose final 1m bars something can be lost.
class losing_bridge final : public bridge::bridge {
 public:
  std::shared_ptr<std::atomic<bool>> lost = std::make_shared<std::atomic<bool>>(false);

  result<std::unique_ptr<::artham::bridge::writer>> open_writer(std::string_view stream,
                                                                std::uint32_t epoch) override {
    return inner_->open_writer(stream, epoch);
  }
  result<std::unique_ptr<::artham::bridge::reader>> open_reader(
      std::string_view stream, record::position after, ::artham::bridge::top until,
      std::span<const std::uint32_t> tokens) override {
    auto opened = inner_->open_reader(stream, after, until, tokens);
    if (!opened || stream != record::final_bars_stream("1m")) return opened;
    return std::make_unique<reader_behind>(std::move(*opened), lost);
  }
  [[nodiscard]] result<::artham::bridge::tops> stream_tops(std::string_view stream) const override {
    return inner_->stream_tops(stream);
  }
  [[nodiscard]] std::vector<std::string> streams() const override { return inner_->streams(); }
  [[nodiscard]] std::uint32_t last_epoch() const override { return inner_->last_epoch(); }
  result<market::content_hash> put_object(std::string_view content) override {
    return inner_->put_object(content);
  }
  [[nodiscard]] result<std::string> get_object(const market::content_hash& hash) const override {
    return inner_->get_object(hash);
  }
  void stop() override { inner_->stop(); }

 private:
  std::unique_ptr<::artham::bridge::memory::memory_bridge> inner_ =
      ::artham::bridge::memory::make();
};

class listener final : public messages::client {
 public:
  bool send(messages::frame_ptr frame) override {
    const std::lock_guard lock(mutex_);
    frames_.push_back(json::parse(*frame));
    changed_.notify_all();
    return true;
  }
  bool send_binary(messages::frame_ptr) override { return false; }
  void next_command() override {}
  void close(std::uint16_t, std::string) override {}
  [[nodiscard]] std::string address() const override { return "test"; }

  json reply(int id) {
    return frame([id](const json& f) { return f.value("id", 0) == id; });
  }
  /// The first event of this name for this key.
  json event(const std::string& name, const std::string& key) {
    return frame(
        [&](const json& f) { return f.value("ev", "") == name && f.value("key", "") == key; });
  }

  /// How many events of this name have come.
  std::size_t events(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(frames_, [&](const json& f) { return f.value("ev", "") == name; }));
  }

 private:
  template <class Fn>
  json frame(Fn&& wanted) {
    std::unique_lock lock(mutex_);
    json found;
    changed_.wait_for(lock, std::chrono::seconds(30), [&] {
      for (const auto& f : frames_) {
        if (wanted(f)) found = f;
      }
      return !found.is_null();
    });
    return found;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<json> frames_;
};

/// A hub and the session of one client.
struct gateway {
  explicit gateway(const char* timeframes) {
    auto calendars = app::load_calendar_set(config::builtin_calendar_names());
    REQUIRE(calendars);
    market::instrument infy;
    infy.token = 408065;
    infy.exchange = "NSE";
    infy.symbol = "INFY";
    const auto index = std::make_shared<const actors::instrument_index>(
        std::vector<market::instrument>{infy}, calendars->by_name);
    actors::hub_config h;
    h.journal = journal.get();
    h.decoder = &decoder;
    h.store = &store;
    h.store_thread = &history;
    h.metrics = &metrics;
    h.names = names;
    h.instruments = index;
    h.timeframes = *market::parse_timeframes(timeframes);
    hub = system.spawn(actors::hub, h);
    names->put(actors::hub_name, caf::actor_cast<caf::actor>(hub));
    actors::session_config s;
    s.client = client;
    s.instruments = index;
    s.names = names;
    s.timeframes = h.timeframes;
    s.max_subscriptions = 10;
    s.metrics = &metrics;
    session = system.spawn(actors::session, s);
  }
  ~gateway() {
    caf::anon_send(session, messages::closed_atom_v);
    caf::anon_send_exit(hub, caf::exit_reason::user_shutdown);
    names->remove(actors::hub_name, hub.address());
    session = nullptr;
    hub = nullptr;
    system.await_all_actors_done();
    history.stop();
  }
  gateway(const gateway&) = delete;
  gateway& operator=(const gateway&) = delete;

  /// The reply to a command with this id.
  json ask(int id, const std::string& text) {
    caf::anon_send(session, messages::command_atom_v,
                   R"({"id":)" + std::to_string(id) + "," + text + "}");
    return client->reply(id);
  }

  /// Market time at which its instrument trades.
  [[nodiscard]] market::timestamp in_session() const {
    const auto loaded = config::load_calendar("NSE");
    REQUIRE(loaded);
    return loaded->calendar->day(market::make_date(2026, 11, 20)).sessions.front().open;
  }

  std::shared_ptr<losing_bridge> journal = std::make_shared<losing_bridge>();
  feed::kite::frame_decoder decoder;
  some_store store;
  runtime::metrics metrics;
  std::shared_ptr<messages::directory> names = std::make_shared<messages::directory>();
  std::shared_ptr<listener> client = std::make_shared<listener>();
  runtime::worker history{"history", 4};
  caf::actor_system_config config = messages::make_system_config(2);
  caf::actor_system system{config};
  messages::hub_actor hub;
  messages::session_actor session;
};

}  // namespace

TEST_CASE("a subscription whose history cannot be read is refused, and works when tried again") {
  gateway g("1m 5m");
  g.store.broken = true;
  const std::string subscribe = R"("op":"sub","keys":["bar:NSE:INFY:1m"],"history":10)";
  const auto refused = g.ask(1, subscribe);
  INFO(refused.dump());
  CHECK(refused["ok"] == false);
  CHECK(refused["error"]["code"] == 4503);
  CHECK(refused["error"]["retry"] == true);
  CHECK(refused["error"]["message"] == "artham.db: disk I/O error");
  CHECK(g.ask(2, R"("op":"status")")["status"]["subscriptions"] == 0);

  g.store.broken = false;
  CHECK(g.ask(3, subscribe)["ok"] == true);
  CHECK(g.ask(4, R"("op":"status")")["status"]["subscriptions"] == 1);
}

TEST_CASE("whoever watches bars whose builder stops hears of it, and whoever comes later too") {
  gateway g("1m 5m");
  CHECK(g.ask(1, R"("op":"sub","keys":["bar:NSE:INFY:1m"])")["ok"] == true);
  record::dead_letter stopped;
  stopped.what = record::letter_kind::actor;
  stopped.token = 408065;
  stopped.at = stopped.cause.at = {1, 7};
  stopped.time = 5 * market::second;
  std::string body;
  record::encode(body, stopped);
  std::string bytes;
  record::append(bytes, record::with_cause(record::kind::dead_letter, stopped.cause), body);
  const auto letters = std::move(*g.journal->open_writer(record::dead_letters_stream(), 1));
  REQUIRE(letters->append(bytes, 1, {}));
  const auto stop = g.client->event("gap", "bar:NSE:INFY:1m");
  CHECK(stop["cause"] == "quarantined");
  CHECK(stop["from"] == 5'000'000);
  CHECK_FALSE(stop.contains("to"));
  CHECK(g.ask(2, R"("op":"sub","keys":["bar:NSE:INFY:5m","tick:NSE:INFY"])")["ok"] == true);
  CHECK(g.client->event("gap", "bar:NSE:INFY:5m")["cause"] == "quarantined");
}

TEST_CASE("the loss of one connection is told to those who watch its instruments, key by key") {
  gateway g("1m 5m");
  CHECK(g.ask(1, R"("op":"sub","keys":["tick:NSE:INFY","bar:NSE:INFY:1m"])")["ok"] == true);
  const auto open = g.in_session();
  const auto ticks = std::move(*g.journal->open_writer(record::ticks_stream(), 1));
  const auto put = [&](market::mark_kind kind, std::uint8_t flag, std::vector<std::uint32_t> tokens,
                       int second) {
    market::mark m;
    m.kind = kind;
    m.flag = flag;
    m.tokens = std::move(tokens);
    m.from = open;
    m.time = open + second * market::second;
    m.cause = kind == market::mark_kind::gap ? market::gap_cause::stalled : m.cause;
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::mark, 1, m.time, m.time),
                   record::encode(m));
    REQUIRE(ticks->append(bytes, 1, {}));
  };
  const auto becomes = [&](const char* state) {
    return artham::test::eventually(
        [&] { return g.client->event("state", "tick:NSE:INFY").value("state", "") == state; },
        std::chrono::seconds(10));
  };
  put(market::mark_kind::clock, 0, {}, 1);
  CHECK(becomes("no_ticks_since"));
  put(market::mark_kind::gap, market::gap_begins, {5, 408065}, 2);
  CHECK(becomes("waiting_feed"));
  put(market::mark_kind::gap, 0, {5}, 3);
  put(market::mark_kind::gap, 0, {408065}, 4);
  const auto over = g.client->event("gap", "bar:NSE:INFY:1m");
  CHECK(over["to"].get<std::int64_t>() - over["from"].get<std::int64_t>() == 4'000'000);
  CHECK(over["cause"] == "stalled");
  CHECK(becomes("no_ticks_since"));
  // What is subscribed anew comes from elsewhere.
  put(market::mark_kind::gap, market::gap_begins, {408065}, 5);
  CHECK(becomes("waiting_feed"));
  put(market::mark_kind::subscription, 1, {408065}, 6);
  CHECK(becomes("no_ticks_since"));
}

TEST_CASE("a snapshot has no bar that was withdrawn, though the store still gives it") {
  gateway g("1m 2.5r");
  for (int i = 1; i <= 3; ++i) {
    record::bar_record r;
    r.bar.token = 408065;
    r.bar.start = i * market::second;
    r.bar.end = r.bar.start + market::second;
    r.bar.ticks = 2;
    g.store.rows.push_back(r);
  }
  const auto starts = [&](int id, int history) {
    const auto reply = g.ask(
        id, R"("op":"sub","keys":["bar:NSE:INFY:2.5r"],"history":)" + std::to_string(history));
    REQUIRE_MESSAGE(reply.value("ok", false), reply.dump());
    std::vector<std::int64_t> all;
    for (const auto& b : reply["subs"][0]["snapshot"]["bars"])
      all.push_back(b["start"].get<std::int64_t>() / 1'000'000);
    return all;
  };
  CHECK(starts(1, 10) == std::vector<std::int64_t>{1, 2, 3});
  auto withdrawn = g.store.rows[2].bar;
  withdrawn.ticks = 0;
  withdrawn.revision = 1;
  std::string body;
  std::string payload;
  record::encode(body, withdrawn);
  record::append(payload, record::with_cause(record::kind::bar, {{1, 9}, 0}), body);
  const auto writer = g.journal->open_writer(record::final_bars_stream("2.5r"), 1);
  REQUIRE(writer);
  const std::uint32_t tokens[] = {408065};
  REQUIRE((*writer)->append(payload, 1, tokens));
  CHECK(starts(2, 10) == std::vector<std::int64_t>{1, 2});
  CHECK(starts(3, 1) == std::vector<std::int64_t>{2});
}

TEST_CASE("who watches bars of which some were gone before they were read is told so") {
  gateway g("1m 5m");
  CHECK(g.ask(1, R"("op":"sub","keys":["bar:NSE:INFY:1m","bar:NSE:INFY:5m"])")["ok"] == true);
  const auto writer = std::move(*g.journal->open_writer(record::final_bars_stream("1m"), 1));
  const auto push = [&](int minute) {
    market::bar b;
    b.token = 408065;
    b.start = minute * market::minute;
    b.end = b.start + market::minute;
    b.ticks = 1;
    std::string body;
    std::string payload;
    record::encode(body, b);
    record::append(
        payload,
        record::with_cause(record::kind::bar, {{1, static_cast<std::uint64_t>(minute)}, 0}), body);
    const std::uint32_t tokens[] = {408065};
    REQUIRE(writer->append(payload, 1, tokens));
  };
  push(1);
  CHECK(g.client->event("bar", "bar:NSE:INFY:1m")["bar"]["start"] == 60'000'000);
  *g.journal->lost = true;
  push(5);
  const auto gap = g.client->event("gap", "bar:NSE:INFY:1m");
  REQUIRE_MESSAGE(gap.is_object(), "no gap");
  CHECK(gap["cause"] == "missed");
  CHECK(gap["from"] == 60'000'000);
  CHECK(gap.contains("to"));
  CHECK(g.ask(2, R"("op":"ping")")["op"] == "pong");
  CHECK(g.client->events("gap") == 1);
}

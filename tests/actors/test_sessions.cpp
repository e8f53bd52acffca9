#include <doctest/doctest.h>

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
#include "messages/system.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

/// A store whose bars cannot be read until told otherwise.
class failing_store final : public store::reader {
 public:
  std::atomic<bool> broken{true};

  result<std::vector<record::bar_record>> bars(const store::bar_query&) override {
    if (broken) return fail(errc::io, "artham.db: disk I/O error");
    return std::vector<record::bar_record>{};
  }
  result<std::vector<market::bar>> candles(std::string_view, const store::bar_query&) override {
    return {};
  }
  result<std::vector<store::stored_instrument>> instruments() override { return {}; }
  result<std::optional<store::stored_instrument>> find(std::string_view) override {
    return std::nullopt;
  }
  result<std::vector<store::gap_row>> gaps(market::timestamp, market::timestamp) override {
    return {};
  }
  result<std::uint64_t> count_ticks() override { return 0; }
  result<std::vector<store::stored_position>> positions() override { return {}; }
};

class listener final : public messages::client {
 public:
  bool send(messages::frame_ptr frame) override {
    const std::lock_guard lock(mutex_);
    frames_.push_back(json::parse(*frame));
    changed_.notify_all();
    return true;
  }
  void next_command() override {}
  void close(std::uint16_t, std::string) override {}
  [[nodiscard]] std::string address() const override { return "test"; }

  json reply(int id) {
    std::unique_lock lock(mutex_);
    json found;
    changed_.wait_for(lock, std::chrono::seconds(30), [&] {
      for (const auto& f : frames_) {
        if (f.value("id", 0) == id) found = f;
      }
      return !found.is_null();
    });
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<json> frames_;
};

}  // namespace

TEST_CASE("a subscription whose history cannot be read is refused, and works when tried again") {
  auto calendars = app::load_calendar_set(config::builtin_calendar_names());
  REQUIRE(calendars);
  market::instrument infy;
  infy.token = 408065;
  infy.exchange = "NSE";
  infy.symbol = "INFY";
  const auto journal = bridge::memory::make();
  const feed::kite::frame_decoder decoder;
  failing_store store;
  runtime::metrics metrics;
  const auto names = std::make_shared<messages::directory>();
  const auto index = std::make_shared<const actors::instrument_index>(
      std::vector<market::instrument>{infy}, calendars->by_name);
  runtime::worker history("history", 4);
  auto config = messages::make_system_config(2);
  caf::actor_system system(config);
  const auto client = std::make_shared<listener>();
  {
    actors::hub_config h;
    h.journal = journal.get();
    h.decoder = &decoder;
    h.store = &store;
    h.store_thread = &history;
    h.metrics = &metrics;
    h.names = names;
    h.instruments = index;
    h.timeframes = *market::parse_timeframes("1m 5m");
    const auto hub = system.spawn(actors::hub, h);
    names->put(actors::hub_name, caf::actor_cast<caf::actor>(hub));
    actors::session_config s;
    s.client = client;
    s.instruments = index;
    s.names = names;
    s.timeframes = h.timeframes;
    s.max_subscriptions = 10;
    s.metrics = &metrics;
    const auto session = system.spawn(actors::session, s);
    const auto command = [&](const std::string& text) {
      caf::anon_send(session, messages::command_atom_v, text);
    };

    command(R"({"id":1,"op":"sub","keys":["bar:NSE:INFY:1m"],"history":10})");
    const auto refused = client->reply(1);
    INFO(refused.dump());
    CHECK(refused["ok"] == false);
    CHECK(refused["error"]["code"] == 4503);
    CHECK(refused["error"]["retry"] == true);
    CHECK(refused["error"]["message"] == "artham.db: disk I/O error");
    command(R"({"id":2,"op":"status"})");
    CHECK(client->reply(2)["status"]["subscriptions"] == 0);

    store.broken = false;
    command(R"({"id":3,"op":"sub","keys":["bar:NSE:INFY:1m"],"history":10})");
    CHECK(client->reply(3)["ok"] == true);
    command(R"({"id":4,"op":"status"})");
    CHECK(client->reply(4)["status"]["subscriptions"] == 1);
    caf::anon_send(session, messages::closed_atom_v);
    caf::anon_send_exit(hub, caf::exit_reason::user_shutdown);
    names->remove(actors::hub_name, hub.address());
  }
  history.stop();
}

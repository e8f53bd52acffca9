#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <string>

#include "actors/session/system_news.hpp"
#include "tests/actors/gateway_world.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using actors::system_news;
using nlohmann::json;
using test::gateway_world;

namespace {

/// Who tells of the node; it may keep silent.
struct teller {
  std::mutex mutex;
  std::string members = R"("restarts":0,"store":{"lag":0})";
  bool silent = false;
  std::atomic<int> asked{0};

  void set(std::string text) {
    const std::lock_guard lock(mutex);
    members = std::move(text);
  }
  [[nodiscard]] test::world_parts parts() {
    test::world_parts p;
    p.ask_system = [this](const std::function<void(std::string)>& done) {
      ++asked;
      const std::lock_guard lock(mutex);
      if (!silent) done(members);
    };
    return p;
  }
};

market::mark gap(market::timestamp from, market::timestamp to, bool begins,
                 std::vector<std::uint32_t> tokens = {}) {
  market::mark m;
  m.kind = market::mark_kind::gap;
  m.from = from;
  m.time = to;
  m.flag = begins ? market::gap_begins : 0;
  m.cause = market::gap_cause::stalled;
  m.tokens = std::move(tokens);
  return m;
}

}  // namespace

TEST_CASE("the key system gives a snapshot, then what changes") {
  teller t;
  gateway_world g("1m", {}, t.parts());
  const auto c = g.connect();
  const auto answer = c.ask(1, R"("op":"sub","keys":["system","tick:NSE:INFY"])");
  REQUIRE(answer["ok"] == true);
  CHECK(answer["subs"][0]["key"] == "system");
  const auto& first = answer["subs"][0]["snapshot"]["system"];
  CHECK(first["feed"]["state"] == "waiting_feed");
  CHECK(first["gaps"] == json{{"opened", 0}, {"closed", 0}});
  CHECK(first["restarts"] == 0);
  CHECK(first["store"]["lag"] == 0);
  CHECK(c.ask(2, R"("op":"status")")["status"]["subscriptions"] == 2);

  const auto now = gateway_world::in_session();
  market::mark clock;
  clock.time = now;
  g.append_mark(clock);
  CHECK_FALSE(c.socket
                  ->message([](const json& f) {
                    return f.value("ev", "") == "system" &&
                           f["system"]["feed"]["state"] == "connected";
                  })
                  .is_null());
  g.append_mark(gap(now, now, true));
  const auto lost = c.socket->message([](const json& f) {
    return f.value("ev", "") == "system" && f["system"]["feed"]["state"] == "stale";
  });
  REQUIRE_FALSE(lost.is_null());
  CHECK(lost["key"] == "system");
  CHECK(lost["t"].get<std::int64_t>() > 0);
  CHECK(lost["system"]["feed"]["cause"] == "stalled");
  CHECK(lost["system"]["feed"]["since"] == now / market::microsecond);
  CHECK(lost["system"]["gaps"] == json{{"opened", 1}, {"closed", 0}});
  t.set(R"("restarts":3,"store":{"lag":17})");
  const auto grown = c.socket->message(
      [](const json& f) { return f.value("ev", "") == "system" && f["system"]["restarts"] == 3; });
  REQUIRE_FALSE(grown.is_null());
  CHECK(grown["system"]["store"]["lag"] == 17);

  // Nobody asks for nobody.
  REQUIRE(c.ask(3, R"("op":"unsub","keys":["system"])")["ok"] == true);
  const auto messages = c.socket->texts().size();
  const int asked = t.asked;
  g.append_mark(gap(now, now + market::second, false));
  CHECK_FALSE(
      c.socket->message([](const json& f) { return f.value("ev", "") == "gap"; }).is_null());
  CHECK(t.asked == asked);
  for (auto i = messages; i < c.socket->texts().size(); ++i)
    CHECK(json::parse(c.socket->texts()[i]).value("ev", "") != "system");
}

TEST_CASE("a node that does not answer keeps nobody waiting for long") {
  teller t;
  t.silent = true;
  gateway_world g("1m", {}, t.parts());
  const auto c = g.connect(messages::format::binary);
  const auto answer = c.ask(1, R"("op":"sub","keys":["system"])");
  REQUIRE(answer["ok"] == true);
  CHECK(answer["subs"][0]["handle"].is_string());
  CHECK(answer["subs"][0]["snapshot"]["system"].contains("feed"));
  CHECK_FALSE(answer["subs"][0]["snapshot"]["system"].contains("restarts"));
}

TEST_CASE("a client goes on with system as with a new one") {
  gateway_world g("1m");
  const auto c = g.connect();
  const auto token = c.ask(1, R"("op":"sub","keys":["system"])")["token"].get<std::string>();
  g.append_tick(408065, 1);
  const auto back = g.connect();
  const auto answer =
      back.ask(1, R"("op":"sub","keys":["system","tick:NSE:INFY"],"from":")" + token + "\"");
  REQUIRE(answer["ok"] == true);
  CHECK(answer["subs"][0]["state"] == "live");
  CHECK(answer["subs"][0]["snapshot"]["system"].contains("gaps"));
  CHECK(back.socket->event("tick", "tick:NSE:INFY")["tick"]["last"] == "1");
}

TEST_CASE("only what changed is told, or anything after a long silence") {
  system_news n;
  const auto start = system_news::clock::time_point(std::chrono::hours(1));
  CHECK(n.is_due(start));
  CHECK_FALSE(n.is_due(start + std::chrono::seconds(29)));
  CHECK(n.is_due(start + std::chrono::seconds(30)));
  n.take_members(R"("restarts":1)");
  CHECK(n.is_due(start + std::chrono::seconds(31)));
  CHECK_FALSE(n.is_due(start + std::chrono::seconds(32)));
  n.take_mark(gap(1'000, 1'000, true));
  CHECK(n.is_due(start + std::chrono::seconds(33)));
  // One connection of several.
  n.take_mark(gap(1'000, 2'000, false));
  n.take_mark(gap(3'000, 3'000, true, {408065}));
  n.set_feed_live(true);
  const auto told = json::parse(n.json());
  CHECK(told["feed"]["state"] == "connected");
  CHECK(told["gaps"] == json{{"opened", 2}, {"closed", 1}});
  n.set_in_session(false);
  CHECK(json::parse(n.json())["feed"]["state"] == "market_closed");
  // Slept through: only its end is told.
  n.take_mark(gap(3'000, 4'000, false, {408065}));
  n.take_mark(gap(5'000, 6'000, false));
  CHECK(json::parse(n.json())["gaps"] == json{{"opened", 3}, {"closed", 3}});
}

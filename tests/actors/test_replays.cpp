#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "actors/session/text_batch.hpp"
#include "tests/actors/replay_world.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using test::replay_world;
using op = messages::replay_command::op;
using stretch = messages::replay_command::stretch;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string infy = R"("replay:r1:tick:NSE:INFY")";
const std::string both = R"("replay:r1:tick:NSE:INFY","replay:r1:bar:NSE:INFY:1m")";
const std::string everything =
    R"("replay:r1:tick:NSE:INFY","replay:r1:tick:NSE:RELIANCE","replay:r1:bar:NSE:INFY:10s",)"
    R"("replay:r1:bar:NSE:INFY:1m","replay:r1:bar:NSE:INFY:5m","replay:r1:bar:NSE:RELIANCE:1m")";
const std::string all = R"(,"policy":"all")";

std::size_t ticks_of(const std::vector<json>& news) {
  return static_cast<std::size_t>(
      std::ranges::count_if(news, [](const json& m) { return m["ev"] == "tick"; }));
}

store::alert_rule rule_of(std::int64_t id, const std::string& key, const std::string& condition,
                          const std::string& repeat) {
  store::alert_rule r;
  r.id = id;
  r.version = 1;
  r.owner = replay_world::owner;
  r.key = key;
  r.condition = condition;
  r.repeat = repeat;
  r.token = 408065;
  return r;
}

/// Texts of ticks and finished bars: what a replay must tell, whatever its speed. Bars that form
/// are told as they come.
std::vector<std::string> of_record(const std::vector<json>& news) {
  std::vector<std::string> texts;
  for (const auto& m : news) {
    if (m["ev"] == "tick" || (m["ev"] == "bar" && m["bar"]["final"] == true))
      texts.push_back(m.dump());
  }
  return texts;
}

}  // namespace

TEST_CASE("a replay at full speed tells the ticks and bars of its interval as live made them") {
  // 09:17:30 to 09:24: cuts bars of a minute and of five at both ends.
  constexpr int from = 150;
  constexpr int to = 540;
  replay_world r({.from = from, .to = to, .speed = 0});
  const auto c = r.connect();
  REQUIRE(r.subscribe(c, 1, everything, all)["ok"] == true);
  r.news(c);
  r.tell(op::resume);
  CHECK(r.state()["clock"]["state"] == "ended");
  const auto news = r.news(c);

  std::map<std::string, std::vector<json>> bars;
  std::map<std::string, std::vector<json>> ticks;
  for (const auto& m : news) {
    const auto key = m["key"].get<std::string>();
    if (m["ev"] == "tick") ticks[key].push_back(m["tick"]);
    if (m["ev"] == "bar" && m["bar"]["final"] == true) bars[key].push_back(m["bar"]);
  }
  for (const auto* symbol : {"INFY", "RELIANCE"}) {
    const auto& some = ticks[std::string("replay:r1:tick:NSE:") + symbol];
    REQUIRE(some.size() == to - from);
    for (int i = 0; i < to - from; ++i)
      CHECK(some[static_cast<std::size_t>(i)]["t_ex"] == r.at(from + i) / market::microsecond);
  }
  std::size_t compared = 0;
  const auto made = r.day.made();
  for (const auto& [stream, of_stream] : made) {
    for (const auto& [token, symbol] : {std::pair{408065U, "INFY"}, {738561U, "RELIANCE"}}) {
      const auto key =
          std::string("replay:r1:bar:NSE:") + symbol + ":" + stream.substr(stream.rfind('.') + 1);
      if (everything.find('"' + key + '"') == std::string::npos) continue;
      std::vector<json> expected;
      for (const auto& b : of_stream) {
        if (b.token == token && b.at >= r.at(from) && b.at < r.at(to))
          expected.push_back(json::parse(b.json));
      }
      CHECK_MESSAGE(bars[key] == expected, key);
      CHECK(!expected.empty());
      compared += expected.size();
    }
  }
  CHECK(compared > 50);
  CHECK(r.over.empty());
}

TEST_CASE("a replay is in step: bars come right behind the ticks that made them") {
  replay_world r({.from = 100, .to = 400, .speed = 0});
  const auto c = r.connect();
  r.subscribe(c, 1, everything, all);
  r.news(c);
  r.tell(op::resume);
  std::int64_t newest = 0;
  for (const auto& m : r.news(c)) {
    if (m["ev"] == "tick") newest = m["tick"]["t_ex"];
    if (m["ev"] != "bar" || m["bar"]["final"] != true) continue;
    const auto end = m["bar"]["end"].get<std::int64_t>();
    CHECK(newest >= end);
  }
}

TEST_CASE("steps by a tick, a clock mark and a bar tell exactly one") {
  replay_world r({.from = 30});
  const auto c = r.connect();
  const auto reply = r.subscribe(c, 1, both, all);
  REQUIRE(reply["ok"] == true);
  CHECK_FALSE(reply.contains("token"));
  CHECK(reply["subs"][0]["state"] == "replaying");
  // The computation has begun with the day: the minute that forms is whole.
  const auto forming = reply["subs"][1]["snapshot"]["bars"].back();
  CHECK(forming["start"] == r.day.open / market::microsecond);
  CHECK(forming["final"] == false);
  CHECK(forming["ticks"] == 30);
  CHECK(reply["subs"][0]["snapshot"]["tick"]["t_ex"] == r.at(29) / market::microsecond);
  r.news(c);

  auto state = r.step(stretch::tick);
  CHECK(state["clock"]["state"] == "paused");
  auto news = r.news(c);
  REQUIRE(ticks_of(news) == 1);
  r.step(stretch::tick);  // the other share's
  CHECK(ticks_of(r.news(c)) == 0);
  state = r.step(stretch::clock);
  CHECK(state["clock"]["time"] == (r.at(30) + market::second / 2) / market::microsecond);
  CHECK(ticks_of(r.news(c)) == 0);
  r.step(stretch::clock);
  news = r.news(c);
  REQUIRE(ticks_of(news) == 1);
  CHECK(std::ranges::find_if(news, [](const json& m) { return m["ev"] == "tick"; })
            ->at("tick")
            .at("t_ex") == r.at(31) / market::microsecond);
  for (int minute = 0; minute < 3; ++minute) {
    r.step(stretch::bar, "1m");
    const auto told = r.news(c, "bar");
    std::vector<json> finals;
    for (const auto& m : told)
      if (m["bar"]["final"] == true) finals.push_back(m["bar"]);
    REQUIRE(finals.size() == 1);
    CHECK(finals[0]["start"] == r.at(minute * 60) / market::microsecond);
  }
  CHECK(r.step(stretch::bar, "15m")["error"].get<std::string>().find("10s 1m 5m") !=
        std::string::npos);
  r.run.advance(seconds(20));
  CHECK(of_record(r.news(c)).empty());
}

TEST_CASE("time goes at the speed that is asked for, and stands while it is paused") {
  replay_world r({.from = 60});
  const auto c = r.connect();
  r.subscribe(c, 1, infy + R"(,"replay:r1:clock")", all);
  r.news(c);
  CHECK(r.tell(op::resume)["clock"]["state"] == "playing");
  r.run.advance(seconds(10) + milliseconds(20));
  CHECK(ticks_of(r.news(c)) == 11);  // the one at the very beginning, and ten seconds
  CHECK(r.tell(op::pause)["clock"]["state"] == "paused");
  r.news(c);
  r.run.advance(seconds(25));
  CHECK(of_record(r.news(c)).empty());
  r.speed(10'000);
  CHECK(of_record(r.news(c)).empty());
  r.tell(op::resume);
  r.run.advance(seconds(1) + milliseconds(20));
  auto news = r.news(c);
  CHECK(ticks_of(news) == 10);
  // Ten events of the clock a second, beside those of its changes.
  const auto clocks = std::ranges::count_if(news, [](const json& m) { return m["ev"] == "clock"; });
  CHECK(clocks >= 9);
  CHECK(clocks <= 12);
  r.speed(500);
  r.news(c);
  r.run.advance(seconds(10));
  CHECK(ticks_of(r.news(c)) == 5);
  const auto state = r.tell(op::pause);
  const auto now = state["clock"]["time"].get<std::int64_t>();
  // 10.02 s, ten times 1.02 s, half of 10 s.
  CHECK(std::abs(now - r.at(85) / market::microsecond - 220'000) < 2'000);
  CHECK(state["clock"]["speed"] == 0.5);
}

TEST_CASE("after a seek back the same is told again, byte for byte") {
  replay_world r({.from = 100, .to = 600, .speed = 0});
  const auto c = r.connect();
  r.subscribe(c, 1, everything, all);
  r.news(c);
  r.tell(op::resume);
  const auto first = of_record(r.news(c));
  REQUIRE(first.size() > 1000);
  CHECK(r.lives == 1);

  r.seek(100);
  CHECK(r.state()["clock"]["state"] == "paused");
  CHECK(r.lives == 2);
  auto news = r.news(c);
  CHECK(of_record(news).empty());
  const auto moved = std::ranges::count_if(news, [](const json& m) { return m["ev"] == "moved"; });
  CHECK(moved == 6);
  for (const auto& m : news) {
    if (m["ev"] != "moved" || m["key"] != "replay:r1:tick:NSE:INFY") continue;
    CHECK(m["snapshot"]["tick"]["t_ex"] == r.at(99) / market::microsecond);
  }
  r.tell(op::resume);
  CHECK(of_record(r.news(c)) == first);

  // Half the way silently, the rest as before.
  r.seek(100);
  r.seek(350);
  CHECK(r.lives == 3);
  CHECK(of_record(r.news(c)).empty());
  r.tell(op::resume);
  const auto rest = of_record(r.news(c));
  REQUIRE(!rest.empty());
  REQUIRE(rest.size() < first.size());
  CHECK(std::vector(first.end() - static_cast<std::ptrdiff_t>(rest.size()), first.end()) == rest);
  CHECK(r.tell(op::resume)["error"].get<std::string>().find("seek back") != std::string::npos);
  CHECK(r.seek(99).contains("error"));
  CHECK(r.seek(601).contains("error"));
}

TEST_CASE("a snapshot has nothing of what is to come") {
  replay_world r({.from = 300, .speed = 0});
  const auto c = r.connect();
  r.subscribe(c, 1, both, all);
  r.tell(op::resume);
  r.seek(330);
  const auto d = r.connect();
  const auto reply = r.subscribe(d, 1, both);
  CHECK(reply["subs"][0]["snapshot"]["tick"]["t_ex"] == r.at(329) / market::microsecond);
  for (const auto& b : reply["subs"][1]["snapshot"]["bars"])
    CHECK(b["start"].get<std::int64_t>() < r.at(330) / market::microsecond);
}

TEST_CASE("a replay waits for a client that does not read, and nothing is lost") {
  replay_world r({.from = 60, .to = 700, .speed = 0, .bytes = 2'000});
  const auto c = r.connect();
  r.subscribe(c, 1, everything, all);
  r.news(c);
  c.socket->stop();
  r.tell(op::resume);
  const auto halted = r.journal->released();
  CHECK(halted < r.day.last);
  r.run.advance(seconds(5));
  CHECK(r.journal->released() == halted);
  if (c.socket->go_on()) caf::anon_send(c.session, messages::drained_atom_v);
  r.run.advance(seconds(1));
  CHECK(r.journal->released() == r.position_before(700));
  CHECK(ticks_of(r.news(c)) == 2 * 640);
}

TEST_CASE("a replay waits for a client of newest values, too") {
  replay_world r({.from = 60, .to = 700, .speed = 0, .bytes = 1 << 20});
  const auto c = r.connect();
  REQUIRE(r.subscribe(c, 1, infy)["ok"] == true);
  c.socket->stop();
  r.tell(op::resume);
  r.run.advance(seconds(5));
  CHECK(r.journal->released() < r.position_before(70));
  if (c.socket->go_on()) caf::anon_send(c.session, messages::drained_atom_v);
  r.run.advance(seconds(1));
  CHECK(r.journal->released() == r.position_before(700));
}

TEST_CASE("a key that is given back is told no more, the others are") {
  replay_world r({.from = 60, .speed = 0});
  const auto c = r.connect();
  REQUIRE(r.subscribe(c, 1, infy + R"(,"replay:r1:tick:NSE:RELIANCE")", all)["ok"] == true);
  REQUIRE(r.ask(c, 2, R"("op":"unsub","keys":["replay:r1:tick:NSE:RELIANCE"])")["ok"] == true);
  r.news(c);
  r.step(stretch::clock);
  r.step(stretch::clock);
  const auto news = r.news(c, "tick");
  REQUIRE(news.size() == 2);
  for (const auto& m : news) CHECK(m["key"] == "replay:r1:tick:NSE:INFY");
}

TEST_CASE("a replay in which nobody takes part is stopped after a while") {
  replay_world r({.from = 60});
  r.run.advance(seconds(20));
  const auto c = r.connect();
  REQUIRE(r.subscribe(c, 1, infy)["ok"] == true);
  r.run.advance(seconds(40));
  CHECK(r.over.empty());
  REQUIRE(r.ask(c, 2, R"("op":"unsub","keys":[)" + infy + "]")["ok"] == true);
  CHECK(r.line->members() == 0);
  r.run.advance(seconds(32));
  REQUIRE(r.over.size() == 1);
  CHECK(r.over[0].first == "stopped");
}

TEST_CASE("clients of a replay are told when it is over, and go on with other keys") {
  replay_world r;
  const auto c = r.connect();
  REQUIRE(r.subscribe(c, 1, both)["ok"] == true);
  r.news(c);
  r.line->close("stopped", "it was stopped");
  r.run.run();
  const auto news = r.news(c);
  REQUIRE(news.size() == 1);
  CHECK(news[0] == json{{"ev", "replay"},
                        {"key", "replay:r1"},
                        {"state", "stopped"},
                        {"cause", "it was stopped"}});
  CHECK(r.ask(c, 2, R"("op":"status")")["status"]["subscriptions"] == 0);
  CHECK(r.subscribe(c, 3, infy)["error"]["message"].get<std::string>().find("is over") !=
        std::string::npos);
  CHECK(r.ask(c, 4, R"("op":"ping")")["ok"] == true);
}

TEST_CASE("what was on its way when a replay ended is not told") {
  replay_world r;
  const auto c = r.connect();
  REQUIRE(r.subscribe(c, 1, infy)["ok"] == true);
  r.line->close("stopped", "it was stopped");
  const auto late = actors::text_batch(R"({"ev":"tick"})", messages::batch::origin::live);
  late->space = 3;
  caf::anon_send(c.session, messages::batch_ptr(late));
  r.run.run();
  const auto news = r.news(c);
  CHECK(std::ranges::any_of(news, [](const json& m) { return m["ev"] == "replay"; }));
  CHECK(std::ranges::none_of(news, [](const json& m) { return m["ev"] == "tick"; }));
}

TEST_CASE("commands with keys of a replay that make no sense are refused by name") {
  replay_world r;
  const auto c = r.connect();
  int id = 0;
  const auto refused = [&](const std::string& keys, const std::string& more = "") {
    const auto m = r.subscribe(c, ++id, keys, more);
    REQUIRE_MESSAGE(m.contains("error"), m.dump());
    return m["error"]["message"].get<std::string>();
  };
  CHECK(refused(R"("replay:no:tick:NSE:INFY")").find("no replay \"no\"") != std::string::npos);
  CHECK(refused(R"("replay:r1")").find("is no key of a replay") != std::string::npos);
  CHECK(refused(R"("replay::tick:NSE:INFY")").find("live data or of one replay") !=
        std::string::npos);
  CHECK(refused(infy + R"(,"tick:NSE:INFY")").find("live data or of one replay") !=
        std::string::npos);
  CHECK(refused(R"("replay:r1:tick:NSE:NONE")").find("unknown instrument") != std::string::npos);
  CHECK(refused(R"("replay:r1:bar:NSE:INFY:7m")").find("7m") != std::string::npos);
  CHECK(refused(infy, R"(,"from":"x")").find("gone on with") != std::string::npos);
  CHECK(refused(infy, R"(,"tokens":1000)").find("gone on with") != std::string::npos);
  CHECK(r.line->members() == 0);
  CHECK(r.subscribe(c, 50, infy)["ok"] == true);
  CHECK(r.line->members() == 1);
}

TEST_CASE("the counts of a session's keys are those of all hubs") {
  replay_world r({.from = 60});
  const auto c = r.connect();
  r.subscribe(c, 1, both, all);
  r.step(stretch::clock);
  r.step(stretch::clock);
  const auto status = r.ask(c, 2, R"("op":"status")")["status"];
  CHECK(status["subscriptions"] == 2);
  REQUIRE(status["keys"].size() == 2);
  for (const auto& k : status["keys"]) {
    if (k["key"] == "replay:r1:tick:NSE:INFY") CHECK(k["pushed"] == 2);
  }
}

TEST_CASE("binary messages of a replay have handles of their own") {
  replay_world r({.from = 60});
  const auto c = r.connect(messages::format::binary);
  const auto reply = r.subscribe(c, 1, infy, all);
  const auto handle = std::stoull(reply["subs"][0]["handle"].get<std::string>());
  CHECK(handle == messages::in_space(messages::tick_key(408065), 3));
  CHECK(handle != messages::tick_key(408065));
  r.step(stretch::clock);
  std::size_t found = 0;
  for (const auto& m : c.socket->all()) {
    if (m.text) continue;
    std::uint64_t told = 0;
    std::memcpy(&told, m.payload.data() + 8, sizeof told);
    CHECK(told == handle);
    ++found;
  }
  CHECK(found == 1);
}

TEST_CASE("a replay tells the alerts of its owner's rules, as made where it begins, at each play") {
  constexpr int from = 100;
  constexpr int to = 400;
  const auto high = [](int second) { return second * 7 % 40 >= 35; };
  replay_world r({.from = from,
                  .to = to,
                  .speed = 0,
                  .rules = {rule_of(4, "tick:NSE:INFY", "last_price >= 1535", "each"),
                            rule_of(5, "bar:NSE:INFY:1m", "ticks > 0", "once"),
                            rule_of(6, "bar:NSE:INFY:15m", "ticks > 0", "each"),
                            rule_of(7, "tick:NSE:INFY", "no condition", "each")}});
  const auto c = r.connect();
  const auto reply = r.subscribe(c, 1, infy + R"(,"replay:r1:alerts")", all);
  REQUIRE_MESSAGE(reply["ok"] == true, reply.dump());
  CHECK(reply["subs"][1] == json::parse(R"({"key":"replay:r1:alerts","state":"replaying",
                                           "snapshot":{"alerts":[]}})"));
  r.news(c);
  std::vector<std::string> first;
  for (int play = 0; play < 2; ++play) {
    r.tell(op::resume);
    std::vector<std::string> texts;
    std::vector<std::string> ids;
    std::int64_t newest = 0;
    std::size_t of_bars = 0;
    for (const auto& m : r.news(c)) {
      if (m["ev"] == "tick") newest = m["tick"]["t_ex"];
      if (m["ev"] != "alert") continue;
      CHECK(m["key"] == "replay:r1:alerts");
      CHECK_FALSE(m["alert"].contains("n"));
      CHECK_FALSE(m["alert"].contains("t_fired"));
      CHECK(m["alert"]["t"].get<std::int64_t>() <= newest);
      texts.push_back(m.dump());
      if (m["alert"]["rule"] == 4) ids.push_back(m["alert"]["id"]);
      if (m["alert"]["rule"] == 5) {
        ++of_bars;
        CHECK(m["alert"]["t"] == r.at(120) / market::microsecond);
      }
    }
    std::vector<std::string> expected;
    for (int s = from; s < to; ++s) {
      if (high(s) && (s == from || !high(s - 1)))
        expected.push_back("4-1-1-" + std::to_string(2 + s * 3) + "-0");
    }
    CHECK(ids == expected);
    CHECK(expected.size() > 20);
    CHECK(of_bars == 1);
    if (play == 0) first = texts;
    CHECK(texts == first);
    const auto late = r.connect();
    const auto known = r.subscribe(late, 2, R"("replay:r1:alerts")", R"(,"history":2)");
    REQUIRE(known["subs"][0]["snapshot"]["alerts"].size() == 2);
    CHECK(known["subs"][0]["snapshot"]["alerts"][1] == json::parse(texts.back())["alert"]);
    r.seek(from);
    const auto moved = r.news(c, "moved");
    const auto of_alerts =
        std::ranges::find_if(moved, [](const json& m) { return m["key"] == "replay:r1:alerts"; });
    REQUIRE(of_alerts != moved.end());
    CHECK((*of_alerts)["snapshot"]["alerts"].empty());
  }
  const auto other = r.connect(messages::format::json, "key:7");
  const auto refused = r.subscribe(other, 3, R"("replay:r1:alerts")");
  CHECK(refused["ok"] == false);
  CHECK(refused["error"]["message"].get<std::string>().find("who has started") !=
        std::string::npos);
  CHECK(r.subscribe(other, 4, infy)["ok"] == true);
}

TEST_CASE("a replay has no key of the system, and no alerts where there are none") {
  replay_world r({.alerts = false});
  const auto c = r.connect();
  int id = 0;
  for (const auto* key : {"alerts", "system", "alert:4"}) {
    CAPTURE(key);
    const auto no = r.subscribe(c, ++id, "\"replay:r1:" + std::string(key) + "\"");
    CHECK(no["ok"] == false);
    CHECK(no["error"]["code"] == 4400);
  }
}

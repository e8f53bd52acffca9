#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "messages/record/dead_letter_codec.hpp"
#include "tests/actors/gateway_world.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using test::gateway_world;

TEST_CASE("a subscription whose history cannot be read is refused, and works when tried again") {
  gateway_world g("1m 5m");
  const auto c = g.connect();
  g.store.broken = true;
  const std::string subscribe = R"("op":"sub","keys":["bar:NSE:INFY:1m"],"history":10)";
  const auto refused = c.ask(1, subscribe);
  INFO(refused.dump());
  CHECK(refused["ok"] == false);
  CHECK(refused["error"]["code"] == 4503);
  CHECK(refused["error"]["retry"] == true);
  CHECK(refused["error"]["message"] == "artham.db: disk I/O error");
  CHECK(c.ask(2, R"("op":"status")")["status"]["subscriptions"] == 0);

  g.store.broken = false;
  CHECK(c.ask(3, subscribe)["ok"] == true);
  CHECK(c.ask(4, R"("op":"status")")["status"]["subscriptions"] == 1);
}

TEST_CASE("whoever watches bars whose builder stops hears of it, and whoever comes later too") {
  gateway_world g("1m 5m");
  const auto c = g.connect();
  CHECK(c.ask(1, R"("op":"sub","keys":["bar:NSE:INFY:1m"])")["ok"] == true);
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
  const auto stop = c.socket->event("gap", "bar:NSE:INFY:1m");
  CHECK(stop["cause"] == "quarantined");
  CHECK(stop["from"] == 5'000'000);
  CHECK_FALSE(stop.contains("to"));
  CHECK(c.ask(2, R"("op":"sub","keys":["bar:NSE:INFY:5m","tick:NSE:INFY"])")["ok"] == true);
  CHECK(c.socket->event("gap", "bar:NSE:INFY:5m")["cause"] == "quarantined");
}

TEST_CASE("a snapshot has no bar that was withdrawn, though the store still gives it") {
  gateway_world g("1m 2.5r");
  const auto c = g.connect();
  for (int i = 1; i <= 3; ++i) {
    record::bar_record r;
    r.bar.token = 408065;
    r.bar.start = i * market::second;
    r.bar.end = r.bar.start + market::second;
    r.bar.ticks = 2;
    g.store.rows.push_back(r);
  }
  const auto starts = [&](int id, int history) {
    const auto reply = c.ask(
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
  const std::uint32_t tokens[] = {408065};
  REQUIRE(g.finals[1]->append(payload, 1, tokens));
  CHECK(starts(2, 10) == std::vector<std::int64_t>{1, 2});
  CHECK(starts(3, 1) == std::vector<std::int64_t>{2});
}

TEST_CASE("clients that want the same get the same bytes, and each message is encoded once") {
  gateway_world g("1m");
  const auto a = g.connect();
  const auto b = g.connect();
  const auto other = g.connect();
  const std::string infy = R"("op":"sub","keys":["bar:NSE:INFY:1m"],"policy":"all")";
  REQUIRE(a.ask(1, infy)["ok"] == true);
  REQUIRE(b.ask(1, infy)["ok"] == true);
  REQUIRE(other.ask(1, R"("op":"sub","keys":["bar:NSE:INFY:1m","bar:NSE:RELIANCE:1m"])")["ok"] ==
          true);
  g.publish_live(gateway_world::bar(408065, 1));
  g.append_final(gateway_world::bar(738561, 1));
  g.append_final(gateway_world::bar(408065, 1));
  const auto is_final = [](const json& f) {
    return f.contains("bar") && f["bar"]["final"] == true;
  };
  REQUIRE_FALSE(a.socket->message(is_final).is_null());
  REQUIRE_FALSE(b.socket->message(is_final).is_null());
  const auto pushes = [](const auto& c) {
    auto all = c.socket->texts();
    all.erase(all.begin());
    return all;
  };
  CHECK(pushes(a) == pushes(b));
  CHECK(pushes(a).size() == 2);
  CHECK(other.socket->wait([](const auto& l) { return l.texts().size() == 4; }));
  CHECK(pushes(other)[0] == pushes(a)[0]);
  CHECK(pushes(other)[2] == pushes(a)[1]);
  CHECK(g.metrics.gauge("artham_audiences", "").value() == 2);
}

TEST_CASE("a client that writes a key in its own way has it so in what it is pushed") {
  gateway_world g("1m");
  const auto a = g.connect();
  const auto b = g.connect();
  CHECK(a.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"])")["ok"] == true);
  CHECK(b.ask(1, R"("op":"sub","keys":["tick:TOKEN:408065"])")["ok"] == true);
  g.append_tick(408065, 5);
  CHECK(a.socket->event("tick", "tick:NSE:INFY")["tick"]["last"] == "5");
  CHECK(b.socket->event("tick", "tick:TOKEN:408065")["tick"]["last"] == "5");
}

TEST_CASE("behind the answer to unsub comes nothing of that key") {
  gateway_world g("1m", std::chrono::milliseconds(1));
  const auto c = g.connect();
  REQUIRE(c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY","tick:NSE:RELIANCE"])")["ok"] == true);
  for (int i = 1; i <= 200; ++i) {
    g.append_tick(408065, i);
    if (i == 100) c.command(2, R"("op":"unsub","keys":["tick:NSE:INFY"])");
  }
  g.append_tick(738561, 1);
  REQUIRE_FALSE(c.socket->event("tick", "tick:NSE:RELIANCE").is_null());
  REQUIRE(c.socket->reply(2)["ok"] == true);
  bool answered = false;
  for (const auto& text : c.socket->texts()) {
    const auto f = json::parse(text);
    if (f.value("id", 0) == 2) answered = true;
    CHECK_FALSE((answered && f.value("key", "") == "tick:NSE:INFY"));
  }
}

TEST_CASE("a client that does not read gets the newest value of each key, and every finished bar") {
  gateway_world g("1m");
  const auto c = g.connect();
  REQUIRE(c.ask(1, R"("op":"sub","keys":["bar:NSE:INFY:1m","tick:NSE:INFY"])")["ok"] == true);
  c.socket->stop();
  for (int i = 1; i <= 50; ++i) g.append_tick(408065, i);
  for (int i = 1; i <= 20; ++i) g.append_final(gateway_world::bar(408065, i));
  g.publish_live(gateway_world::bar(408065, 21));
  const auto witness = g.connect();
  REQUIRE(witness.ask(1, R"("op":"sub","keys":["tick:NSE:RELIANCE"])")["ok"] == true);
  c.command(2, R"("op":"status")");
  CHECK(test::eventually(
      [&] { return g.metrics.gauge("artham_session_held_bytes", "").value() > 0; }));
  g.append_tick(408065, 51);
  CHECK(test::eventually(
      [&] { return g.metrics.counter("artham_session_conflated_total", "").value() >= 50; }));
  c.go_on();
  const auto status = c.socket->reply(2)["status"];
  INFO(status.dump());
  std::vector<std::string> ticks;
  std::vector<int> finals;
  REQUIRE(c.socket->wait([&](const test::listener& l) {
    ticks.clear();
    finals.clear();
    for (const auto& text : l.texts()) {
      const auto f = json::parse(text);
      if (f.value("ev", "") == "tick") ticks.push_back(f["tick"]["last"]);
      if (f.value("ev", "") == "bar" && f["bar"]["final"] == true)
        finals.push_back(static_cast<int>(f["bar"]["start"].get<std::int64_t>() / 60'000'000));
    }
    return !ticks.empty() && finals.size() == 20;
  }));
  CHECK(ticks.back() == "51");
  CHECK(ticks.size() < 10);
  for (int i = 0; i < 20; ++i) CHECK(finals[static_cast<std::size_t>(i)] == i + 1);
  CHECK(test::eventually(
      [&] { return g.metrics.gauge("artham_session_held_bytes", "").value() == 0; }));
}

TEST_CASE("a client of all messages that does not read is told from where to go on, and closed") {
  gateway_world g("1m");
  const auto c = g.connect(messages::format::json, 4'096);
  REQUIRE(c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"],"policy":"all")")["ok"] == true);
  g.append_tick(408065, 1);
  REQUIRE(c.socket->event("tick", "tick:NSE:INFY")["tick"]["last"] == "1");
  c.socket->stop();
  for (int i = 2; i <= 200; ++i) g.append_tick(408065, i);
  REQUIRE(c.socket->wait([](const auto& l) { return l.closed_with() != 0; }));
  CHECK(c.socket->closed_with() == 4008);
  const auto notice = json::parse(c.socket->texts().back());
  CHECK(notice["ev"] == "gap");
  CHECK(notice["cause"] == "too_slow");

  const auto back = g.connect();
  const auto reply = back.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"],"from":")" +
                                     notice["token"].get<std::string>() + "\"");
  REQUIRE(reply["ok"] == true);
  std::vector<std::string> all;
  for (const auto& text : back.socket->texts()) {
    const auto f = json::parse(text);
    if (f.value("ev", "") == "tick") all.push_back(f["tick"]["last"]);
  }
  REQUIRE(all.size() == 199);
  for (int i = 2; i <= 200; ++i) CHECK(all[static_cast<std::size_t>(i - 2)] == std::to_string(i));
}

TEST_CASE("sessions that end leave nothing behind") {
  gateway_world g("1m");
  for (int round = 0; round < 50; ++round) {
    const auto c = g.connect();
    REQUIRE(
        c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY","bar:NSE:INFY:1m"],"tokens":50)")["ok"] ==
        true);
    c.socket->stop();
    g.append_tick(408065, round + 1);
    caf::anon_send(c.session, messages::closed_atom_v);
  }
  CHECK(test::eventually([&] {
    return g.metrics.gauge("artham_subscriptions", "").value() == 0 &&
           g.metrics.gauge("artham_audiences", "").value() == 0 &&
           g.metrics.gauge("artham_sessions", "").value() == 0 &&
           g.metrics.gauge("artham_session_held_bytes", "").value() == 0;
  }));
}

TEST_CASE("a key for all of a segment stands for each of its instruments") {
  gateway_world g("1m");
  const auto c = g.connect();
  const auto reply = c.ask(1, R"("op":"sub","keys":["tick:NSE:*","bar:NSE:*:1m"])");
  REQUIRE(reply["ok"] == true);
  std::vector<std::string> keys;
  for (const auto& s : reply["subs"]) keys.push_back(s["key"]);
  CHECK(keys == std::vector<std::string>{"tick:NSE:INFY", "tick:NSE:RELIANCE", "bar:NSE:INFY:1m",
                                         "bar:NSE:RELIANCE:1m"});
  g.append_tick(738561, 3);
  CHECK(c.socket->event("tick", "tick:NSE:RELIANCE")["tick"]["last"] == "3");
  CHECK(c.ask(2, R"("op":"sub","keys":["tick:BSE:*"])")["error"]["code"] == 4404);
  CHECK(c.ask(3, R"("op":"unsub","keys":["tick:NSE:*"])")["ok"] == true);
  CHECK(c.ask(4, R"("op":"status")")["status"]["subscriptions"] == 2);
}

TEST_CASE("a client may have the newest value every so often, and every finished bar at once") {
  gateway_world g("1m");
  const auto c = g.connect();
  REQUIRE(
      c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY","bar:NSE:INFY:1m"],"policy":{"every_ms":50})")
          ["ok"] == true);
  for (int i = 1; i <= 100; ++i) g.append_tick(408065, i);
  for (int i = 1; i <= 10; ++i) g.append_final(gateway_world::bar(408065, i));
  REQUIRE_FALSE(
      c.socket
          ->message([](const json& f) { return f.contains("tick") && f["tick"]["last"] == "100"; })
          .is_null());
  int ticks = 0;
  int finals = 0;
  for (const auto& text : c.socket->texts()) {
    const auto f = json::parse(text);
    if (f.value("ev", "") == "tick") ++ticks;
    if (f.value("ev", "") == "bar") ++finals;
  }
  CHECK(finals == 10);
  CHECK(ticks < 50);
  const auto status = c.ask(2, R"("op":"status")")["status"]["keys"];
  INFO(status.dump());
  REQUIRE(status.size() == 2);
  for (const auto& k : status) {
    const bool tick = k["key"] == "tick:NSE:INFY";
    CHECK(k["pushed"] == (tick ? ticks : finals));
    CHECK(k["conflated"].get<int>() + k["pushed"].get<int>() >= (tick ? 100 : 10));
    CHECK(k["policy"]["every_ms"] == 50);
  }
}

TEST_CASE("times of a message are told when they are asked for") {
  gateway_world g("1m");
  const auto c = g.connect();
  REQUIRE(c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY","bar:NSE:INFY:1m"],"times":true)")["ok"] ==
          true);
  g.append_tick(408065, 3);
  const auto tick = c.socket->event("tick", "tick:NSE:INFY");
  CHECK(tick["t_ex"] == 3'000'000);
  CHECK(tick["t_rx"] == 3'000'000);
  CHECK(tick["t_tx"].get<std::int64_t>() > 1'700'000'000'000'000);
  g.publish_live(gateway_world::bar(408065, 1));
  const auto bar = c.socket->event("bar", "bar:NSE:INFY:1m");
  CHECK(bar["t_ex"] == 3'000'000);
  CHECK(bar.contains("t_tx"));
}

TEST_CASE("the loss of one connection is told to those who watch its instruments, key by key") {
  gateway_world g("1m 5m");
  const auto c = g.connect();
  CHECK(c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY","bar:NSE:INFY:1m"])")["ok"] == true);
  const auto open = g.in_session();
  const auto put = [&](market::mark_kind kind, std::uint8_t flag, std::vector<std::uint32_t> tokens,
                       int second) {
    market::mark m;
    m.kind = kind;
    m.flag = flag;
    m.tokens = std::move(tokens);
    m.from = open;
    m.time = open + second * market::second;
    m.cause = kind == market::mark_kind::gap ? market::gap_cause::stalled : m.cause;
    g.append_mark(m);
  };
  const auto becomes = [&](const char* state) {
    return test::eventually(
        [&] { return c.socket->event("state", "tick:NSE:INFY").value("state", "") == state; });
  };
  put(market::mark_kind::clock, 0, {}, 1);
  CHECK(becomes("no_ticks_since"));
  put(market::mark_kind::gap, market::gap_begins, {5, 408065}, 2);
  CHECK(becomes("waiting_feed"));
  put(market::mark_kind::gap, 0, {5}, 3);
  put(market::mark_kind::gap, 0, {408065}, 4);
  const auto over = c.socket->event("gap", "bar:NSE:INFY:1m");
  CHECK(over["to"].get<std::int64_t>() - over["from"].get<std::int64_t>() == 4'000'000);
  CHECK(over["cause"] == "stalled");
  CHECK(becomes("no_ticks_since"));
  // What is subscribed anew comes from elsewhere.
  put(market::mark_kind::gap, market::gap_begins, {408065}, 5);
  CHECK(becomes("waiting_feed"));
  put(market::mark_kind::subscription, 1, {408065}, 6);
  CHECK(becomes("no_ticks_since"));
}

TEST_CASE("who watches bars of which some were gone before they were read is told so") {
  gateway_world g("1m 5m");
  const auto c = g.connect();
  CHECK(c.ask(1, R"("op":"sub","keys":["bar:NSE:INFY:1m","bar:NSE:INFY:5m"])")["ok"] == true);
  g.append_final(gateway_world::bar(408065, 1));
  CHECK(c.socket->event("bar", "bar:NSE:INFY:1m")["bar"]["start"] == 60'000'000);
  *g.journal->lost = true;
  g.append_final(gateway_world::bar(408065, 5));
  const auto gap = c.socket->event("gap", "bar:NSE:INFY:1m");
  REQUIRE_MESSAGE(gap.is_object(), "no gap");
  CHECK(gap["cause"] == "missed");
  CHECK(gap["from"] == 60'000'000);
  CHECK(gap.contains("to"));
  CHECK(c.ask(2, R"("op":"ping")")["op"] == "pong");
  std::size_t gaps = 0;
  for (const auto& text : c.socket->texts())
    gaps += nlohmann::json::parse(text).value("ev", "") == "gap" ? 1 : 0;
  CHECK(gaps == 1);
}

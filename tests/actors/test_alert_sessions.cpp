#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "store/sqlite/alerts.hpp"
#include "tests/actors/gateway_world.hpp"
#include "tests/actors/protocol_examples.hpp"
#include "tests/support/process.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using test::gateway_world;
using test::listener;
using list = std::vector<std::string>;

namespace {

/// A gateway with alerts, which the test makes itself.
struct alerting_gateway : gateway_world {
  alerting_gateway() : gateway_world("1m") {
    alerts = std::make_shared<actors::alert_desk>(open(), "alerts", 64);
    mine = rule("key:1");
    also = rule("key:1");
    others = rule("key:2");
  }
  ~alerting_gateway() { alerts->stop(); }

  [[nodiscard]] std::unique_ptr<store::alert_book> open() const {
    return std::move(*store::sqlite::open_alerts(dir / "artham.db"));
  }
  store::alert_rule rule(const std::string& owner) {
    store::alert_rule r;
    r.owner = owner;
    r.key = "tick:NSE:INFY";
    r.condition = "last_price > 1";
    r.repeat = "each";
    return *book->add_rule(r, {100, 100});
  }
  /// `n` alerts of each of these rules.
  void fire(const std::vector<store::alert_rule>& rules, int n) {
    std::vector<store::alert_row> rows;
    for (int i = 0; i < n; ++i) {
      ++seq;
      for (const auto& r : rules) {
        store::alert_row a;
        a.id = std::to_string(r.id) + "-1-1-" + std::to_string(seq) + "-0";
        a.rule = r.id;
        a.version = 1;
        a.owner = r.owner;
        a.cause = {{1, seq}, 0};
        a.values = "{}";
        rows.push_back(a);
      }
    }
    store::alert_batch b;
    b.version = *book->version();
    b.alerts = rows;
    REQUIRE(*book->commit(b));
    bell->ring();
  }
  client_of connect_as(const std::string& owner) {
    client_of c;
    actors::session_config s;
    s.client = c.socket;
    s.keys = keys;
    s.names = names;
    s.catch_up = catch_up;
    s.alerts = alerts;
    s.bell = bell;
    s.owner = owner;
    s.max_subscriptions = 10;
    s.metrics = &metrics;
    c.session = system.spawn(actors::session, s);
    sessions.push_back(c.session);
    return c;
  }

  test::scratch dir;
  std::unique_ptr<store::alert_book> book = open();
  std::shared_ptr<actors::alert_desk> alerts;
  std::shared_ptr<actors::alert_bell> bell = std::make_shared<actors::alert_bell>();
  std::uint64_t seq = 0;
  store::alert_rule mine, also, others;
};

list pushed(const listener& socket, const std::string& key) {
  list ids;
  for (const auto& text : socket.texts()) {
    const auto m = json::parse(text);
    if (m.value("ev", "") == "alert" && m["key"] == key) ids.push_back(m["alert"]["id"]);
  }
  return ids;
}

bool has_pushed(const listener& socket, const std::string& key, std::size_t n) {
  return test::eventually([&] { return pushed(socket, key).size() >= n; });
}

}  // namespace

TEST_CASE("a client is told his own alerts from when he asks on, in order, each once") {
  alerting_gateway g;
  g.fire({g.mine, g.others}, 3);
  const auto c = g.connect_as("key:1");
  const auto reply = c.ask(1, R"("op":"sub","keys":["alerts"],"history":2)");
  REQUIRE(reply["ok"] == true);
  CHECK(reply["subs"][0]["key"] == "alerts");
  CHECK(reply["subs"][0]["state"] == "live");
  const auto& history = reply["subs"][0]["snapshot"]["alerts"];
  REQUIRE(history.size() == 2);
  CHECK(history[1]["id"] == "1-1-1-3-0");
  g.fire({g.mine, g.also, g.others}, 150);
  REQUIRE(has_pushed(*c.socket, "alerts", 300));
  const auto told = pushed(*c.socket, "alerts");
  REQUIRE(told.size() == 300);
  CHECK(told[0] == "1-1-1-4-0");
  CHECK(told[1] == "2-1-1-4-0");
  CHECK(told[299] == "2-1-1-153-0");
  CHECK(std::ranges::none_of(told, [](const auto& id) { return id.starts_with("3-"); }));
}

TEST_CASE("a key of one rule, beside all; what is not subscribed any more is not told") {
  alerting_gateway g;
  const auto c = g.connect_as("key:1");
  REQUIRE(c.ask(1, R"("op":"sub","keys":["alert:2"])")["ok"] == true);
  g.fire({g.mine, g.also}, 1);
  REQUIRE(has_pushed(*c.socket, "alert:2", 1));
  REQUIRE(c.ask(2, R"("op":"sub","keys":["alerts"])")["ok"] == true);
  g.fire({g.mine, g.also}, 1);
  REQUIRE(has_pushed(*c.socket, "alerts", 2));
  REQUIRE(has_pushed(*c.socket, "alert:2", 2));
  REQUIRE(c.ask(3, R"("op":"unsub","keys":["alert:2"])")["ok"] == true);
  g.fire({g.also}, 1);
  REQUIRE(has_pushed(*c.socket, "alerts", 3));
  CHECK(pushed(*c.socket, "alert:2") == list{"2-1-1-1-0", "2-1-1-2-0"});
  CHECK(pushed(*c.socket, "alerts") == list{"1-1-1-2-0", "2-1-1-2-0", "2-1-1-3-0"});
  REQUIRE(c.ask(4, R"("op":"unsub","keys":["alerts"])")["ok"] == true);
  g.fire({g.also}, 1);
  CHECK(c.ask(5, R"("op":"ping")")["op"] == "pong");
  CHECK(pushed(*c.socket, "alerts").size() == 3);
}

TEST_CASE("a client that comes back with its token gets what it missed, and nothing twice") {
  alerting_gateway g;
  list seen;
  std::string token;
  {
    const auto c = g.connect_as("key:1");
    const auto reply = c.ask(1, R"("op":"sub","keys":["alerts"])");
    token = reply["token"];
    g.fire({g.mine}, 5);
    REQUIRE(has_pushed(*c.socket, "alerts", 5));
    for (const auto& text : c.socket->texts()) {
      const auto m = json::parse(text);
      if (m.value("ev", "") != "alert" || seen.size() == 3) continue;
      seen.push_back(m["alert"]["id"]);
      token = m["token"];
    }
  }
  g.fire({g.mine, g.others}, 250);
  const auto c = g.connect_as("key:1");
  const auto reply = c.ask(1, R"("op":"sub","keys":["alerts"],"from":")" + token + "\"");
  REQUIRE(reply["ok"] == true);
  CHECK(reply["token"] == token);
  g.fire({g.mine}, 1);
  REQUIRE(has_pushed(*c.socket, "alerts", 253));
  for (auto& id : pushed(*c.socket, "alerts")) seen.push_back(std::move(id));
  REQUIRE(seen.size() == 256);
  for (std::size_t i = 0; i < seen.size(); ++i)
    CHECK(seen[i] == "1-1-1-" + std::to_string(i + 1) + "-0");
}

TEST_CASE("a client that does not read is not asked for, and is told all when it does") {
  alerting_gateway g;
  const auto c = g.connect_as("key:1");
  REQUIRE(c.ask(1, R"("op":"sub","keys":["alerts"])")["ok"] == true);
  c.socket->stop();
  for (int i = 0; i < 20; ++i) g.fire({g.mine}, 100);
  REQUIRE(test::eventually([&] {
    // What waits is no more than what was read at a time.
    return g.metrics.gauge("artham_session_held_bytes", "").value() > 0;
  }));
  CHECK(g.metrics.gauge("artham_session_held_bytes", "").value() < 100'000);
  c.go_on();
  REQUIRE(has_pushed(*c.socket, "alerts", 2000));
  const auto told = pushed(*c.socket, "alerts");
  CHECK(told.size() == 2000);
  CHECK(c.socket->closed_with() == 0);
}

TEST_CASE("what is refused, and why") {
  alerting_gateway g;
  const auto c = g.connect_as("key:1");
  int id = 0;
  const auto refused = [&](const std::string& rest, int code, const std::string& word) {
    const auto a = c.ask(++id, R"("op":"sub",)" + rest);
    CHECK(a["ok"] == false);
    CHECK(a["error"]["code"] == code);
    CHECK(a["error"]["message"].get<std::string>().find(word) != std::string::npos);
  };
  refused(R"("keys":["alert:3"])", 4404, "no rule 3 of yours");
  refused(R"("keys":["alert:99"])", 4404, "GET /v1/alerts/rules");
  refused(R"("keys":["alert:x"])", 4400, "alert:RULE");
  refused(R"("keys":["alert:-1"])", 4400, "alert:RULE");
  refused(R"("keys":["alerts","tick:NSE:INFY"])", 4400, "a command of their own");
  refused(R"("keys":["alerts"],"from":"abc")", 4400, "no token of alerts");
  REQUIRE(c.ask(++id, R"("op":"sub","keys":["alerts"])")["ok"] == true);
  refused(R"("keys":["alert:1"],"from":"alerts-0")", 4400, "subscribed already");
  refused(
      R"("keys":["alert:1","alert:1","alert:1","alert:1","alert:1","alert:1","alert:1","alert:1","alert:1","alert:1"])",
      4429, "at most 10");
  // A token of a store that was set back.
  const auto other = g.connect_as("key:1");
  const auto a = other.ask(1, R"("op":"sub","keys":["alerts"],"from":"alerts-500")");
  CHECK(a["subs"][0]["state"] == "token_expired");
  g.fire({g.mine}, 1);
  CHECK(has_pushed(*other.socket, "alerts", 1));
  const auto plain = g.connect();
  const auto none = plain.ask(1, R"("op":"sub","keys":["alerts"])");
  CHECK(none["error"]["message"].get<std::string>().find("alerts.enabled") != std::string::npos);
}

TEST_CASE("the examples of docs/protocol.md on alerts are what the gateway says") {
  alerting_gateway g;
  const auto c = g.connect_as("key:1");
  const auto all = test::protocol_examples(true);
  REQUIRE(all.size() == 3);
  std::string token;
  for (const auto& e : all) {
    CAPTURE(e.command);
    auto command = e.command;
    if (const auto at = command.find("ALERTS"); at != std::string::npos)
      command.replace(at, 6, token);
    const auto id = json::parse(command)["id"].get<int>();
    caf::anon_send(c.session, messages::command_atom_v, command);
    const auto told = c.socket->reply(id);
    test::check_like(told, json::parse(e.answer), "answer");
    if (told.contains("token")) token = told["token"];
  }
}

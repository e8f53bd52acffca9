#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/in_postgres.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/hook_receiver.hpp"
#include "tests/web/raw_client.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using artham::web::testing::raw_client;
using nlohmann::json;

namespace {

using id_list = std::vector<std::string>;

json ask(std::uint16_t port, const std::string& method, const std::string& target,
         const json& body = nullptr) {
  const auto text = body.is_null() ? std::string() : body.dump();
  raw_client c(port);
  c.send(method + " " + target +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
         "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text);
  const auto a = c.receive_answer(true);
  auto j = json::parse(a.body, nullptr, false);
  REQUIRE_MESSAGE(a.status < 300, a.body);
  return j;
}

std::vector<std::vector<std::string>> rows_of(const std::string& data, const std::string& query) {
  std::istringstream in(sql(data, query));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(in, line);) {
    auto& cells = rows.emplace_back();
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '|');) cells.push_back(cell);
  }
  return rows;
}

/// An exchange whose instruments tick every second, and a node's settings for it.
struct market_of_test {
  market_of_test()
      : exchange({artham::test::program(), "exchange", "--synthetic", "20", "--speed", "40",
                  "--every-second", "--date", "2026-11-20"}) {
    const auto url = exchange.line();
    REQUIRE(url);
    settings = {"--set", "feed.url=" + *url,
                "--set", "store.ticks=table",
                "--set", "feed.backoff_min=50ms",
                "--set", "bars.timeframes=5s 1m",
                "--set", "alerts.webhook_private=true",
                "--set", "alerts.webhook_timeout=500ms",
                "--set", "alerts.webhook_backoff_min=50ms",
                "--set", "alerts.webhook_backoff_max=200ms"};
    setenv("ARTHAM_ALERTS__WEBHOOK_SECRET", "correct horse battery", 1);
  }
  ~market_of_test() { unsetenv("ARTHAM_ALERTS__WEBHOOK_SECRET"); }

  process exchange;
  std::vector<std::string> settings;
};

/// An instrument with a price to cross.
struct subject_of_test {
  std::string key;
  std::string token;
  std::string level;
};
subject_of_test some_share(node& n, const std::string& data) {
  subject_of_test s;
  REQUIRE(n.wait_for([&](const json&) {
    const auto rows = rows_of(
        data,
        "SELECT i.exchange || ':' || i.tradingsymbol, i.instrument_token, t.last_price, "
        "count(DISTINCT t.last_price) c FROM ticks t JOIN instruments i USING (instrument_id) "
        "WHERE i.instrument_type = 'EQ' GROUP BY 1 HAVING count(*) > 20 ORDER BY c DESC LIMIT 1");
    if (rows.empty()) return false;
    s.key = rows[0][0];
    s.token = rows[0][1];
    const auto units = rows[0][2];
    s.level = units.substr(0, units.size() - 9) + "." + units.substr(units.size() - 9, 2);
    return true;
  }));
  return s;
}

long double units_of(const std::string& decimal) {
  return std::stold(decimal) * 1e9L;
}

/// What each rule should have said, by what the database has of ticks, bars and gaps, and of where
/// the rule began to count.
struct oracle {
  const std::string& data;

  std::pair<std::string, std::string> from(int rule) const {
    const auto rows =
        rows_of(data, "SELECT from_epoch, from_seq FROM alert_progress WHERE rule_id = " +
                          std::to_string(rule));
    REQUIRE(rows.size() == 1);
    return {rows[0][0], rows[0][1]};
  }
  static std::string id(int rule, const std::string& epoch, const std::string& seq,
                        const std::string& ordinal = "0") {
    return std::to_string(rule) + "-1-" + epoch + "-" + seq + "-" + ordinal;
  }
  id_list ticks_crossing(int rule, const subject_of_test& s) const {
    const auto [epoch, seq] = from(rule);
    id_list ids;
    int side = 0;
    long double newest = 0;
    const auto level = units_of(s.level);
    for (const auto& r :
         rows_of(data,
                 "SELECT epoch, seq, last_price, exchange_ts, exchange_ts - receive_ts FROM "
                 "ticks WHERE seq > " +
                     seq +
                     " AND instrument_id IN (SELECT instrument_id FROM "
                     "instruments WHERE instrument_token = " +
                     s.token + ") ORDER BY seq")) {
      if (std::stoll(r[4]) > 5'000'000'000 || std::stold(r[3]) < newest) continue;
      newest = std::stold(r[3]);
      const auto price = std::stold(r[2]);
      const int now = price > level ? 1 : price < level ? -1 : 0;
      if (now != 0 && side != 0 && now != side) ids.push_back(id(rule, r[0], r[1]));
      if (now != 0) side = now;
    }
    return ids;
  }
  id_list rising_bars(int rule, const subject_of_test& s) const {
    const auto [epoch, seq] = from(rule);
    id_list ids;
    bool held = false;
    for (const auto& r :
         rows_of(data,
                 "SELECT cause_epoch, cause_seq, cause_ordinal, close > open FROM bars_5s WHERE "
                 "revision = 0 AND instrument_token = " +
                     s.token + " AND (cause_epoch, cause_seq) > (" + epoch + ", " + seq +
                     ") ORDER BY cause_epoch, cause_seq, cause_ordinal")) {
      const bool holds = r[3] == "1";
      if (holds && !held) ids.push_back(id(rule, r[0], r[1], r[2]));
      held = holds;
    }
    return ids;
  }
  id_list gaps(int rule) const {
    const auto [epoch, seq] = from(rule);
    id_list ids;
    for (const auto& r : rows_of(data, "SELECT epoch, seq FROM gaps WHERE (epoch, seq) > (" +
                                           epoch + ", " + seq + ") ORDER BY epoch, seq"))
      ids.push_back(id(rule, r[0], r[1]));
    return ids;
  }
};

id_list sorted(id_list ids) {
  std::ranges::sort(ids);
  return ids;
}

/// All that is journaled is stored and evaluated. The exchange is gone by then.
bool all_evaluated(const node& n, const std::string& data) {
  return n.wait_for([&](const json&) {
    const auto rows =
        rows_of(data,
                "SELECT (SELECT max(seq) FROM alert_positions WHERE stream = 'md:ticks') >= "
                "(SELECT max(seq) FROM ticks), (SELECT seq FROM positions WHERE stream = "
                "'md:bars:final.5s') = (SELECT seq FROM alert_positions WHERE stream = "
                "'md:bars:final.5s')");
    return rows.size() == 1 && rows[0] == std::vector<std::string>{"1", "1"};
  });
}

const std::string failing_program =
    std::filesystem::path(artham::test::program()).parent_path() / "artham_failpoints";

}  // namespace

TEST_CASE("killed again and again, each alert is there once, told once an id, and in a replay") {
  std::mt19937_64 random(3);
  const scratch dir;
  const auto data = dir / "data";
  market_of_test m;
  std::mutex mutex;
  std::map<std::string, int> tries;
  // The first time it fails, hangs, or answers 500; then it takes it.
  hook_receiver hook([&](const hook_receiver::post& p) {
    const std::lock_guard lock(mutex);
    const auto n = tries[p.field("Artham-Alert-Id")]++;
    constexpr int first[] = {500, hook_receiver::hang_up, hook_receiver::hang, 200};
    return n == 0 ? first[tries.size() % 4] : 200;
  });
  subject_of_test s;
  {
    node n(data, m.settings);
    s = some_share(n, data);
    const auto make = [&](const json& rule) {
      return ask(n.port(), "POST", "/v1/alerts/rules", rule)["id"].get<int>();
    };
    CHECK(make({{"key", "tick:" + s.key},
                {"condition", "last_price crosses " + s.level},
                {"mode", "each"}}) == 1);
    CHECK(make({{"key", "bar:" + s.key + ":5s"},
                {"condition", "close > open"},
                {"mode", "each"},
                {"webhook", hook.url("/bars")}}) == 2);
    CHECK(make({{"key", "gap"}, {"condition", "over == 1"}, {"mode", "each"}}) == 3);
    CHECK(make({{"key", "tick:" + s.key}, {"condition", "last_price > 0"}, {"mode", "once"}}) == 4);
    REQUIRE(n.wait_for([&](const json&) {
      return ask(n.port(), "GET", "/v1/alerts/rules/4")["state"] == "fired";
    }));
    n.process().signal(SIGKILL);
    n.process().wait();
  }
  // A client that comes back with its token, whatever happens to the node.
  id_list told;
  std::string token = "alerts-0";
  const auto listen = [&](const node& n, std::size_t more) {
    ws_client w(n.port());
    w.send(json{{"id", 1}, {"op", "sub"}, {"keys", {"alerts"}}, {"from", token}}.dump());
    for (std::size_t got = 0; got < more;) {
      const auto message = w.next(std::chrono::seconds(20));
      if (!message) return;
      if (message->value("ev", "") != "alert") continue;
      told.push_back((*message)["alert"]["id"]);
      token = (*message)["token"];
      ++got;
    }
  };
  for (int kill = 0; kill < 4; ++kill) {
    node n(data, m.settings);
    listen(n, 1 + random() % 4);
    n.process().signal(SIGKILL);
    CHECK(n.process().wait() == 128 + SIGKILL);
  }
  // Where it hurts most: around the transaction that alerts are stored in.
  for (const auto* point : {"alerts.written:3", "alerts.committed:2", "alerts.begun:4"}) {
    std::vector<std::string> args{failing_program, "run",        "--data", data,
                                  "--set",         "web.port=0", "--set",  "exchange.chains=false"};
    args.insert(args.end(), m.settings.begin(), m.settings.end());
    setenv("ARTHAM_FAILPOINT", point, 1);
    process run(args);
    unsetenv("ARTHAM_FAILPOINT");
    const auto ended = run.wait_for(std::chrono::seconds(60));
    REQUIRE_MESSAGE(ended, point);
    REQUIRE_MESSAGE(*ended == 128 + SIGKILL, run.errors());
  }
  node n(data, m.settings);
  listen(n, 3);
  m.exchange.signal(SIGKILL);
  m.exchange.wait();
  REQUIRE(n.wait_for([](const json& j) { return j["feed"]["state"] != "live"; }));
  REQUIRE(all_evaluated(n, data));

  const oracle expected{data};
  id_list all;
  const auto of_rule = [&](int rule, const id_list& wanted) {
    id_list stored;
    for (const auto& r :
         rows_of(data, "SELECT id FROM alerts WHERE rule_id = " + std::to_string(rule)))
      stored.push_back(r[0]);
    INFO("rule " << rule << ": " << stored.size() << " stored, " << wanted.size() << " expected");
    MESSAGE("rule " << rule << ": " << stored.size() << " alerts");
    CHECK(sorted(stored) == sorted(wanted));
    all.insert(all.end(), stored.begin(), stored.end());
  };
  const auto crossings = expected.ticks_crossing(1, s);
  of_rule(1, crossings);
  of_rule(2, expected.rising_bars(2, s));
  of_rule(3, expected.gaps(3));
  CHECK(expected.gaps(3).size() >= 7);
  const auto once = rows_of(data, "SELECT id FROM alerts WHERE rule_id = 4");
  REQUIRE(once.size() == 1);
  all.push_back(once[0][0]);

  // The client has every one, and none twice.
  listen(n, all.size() - std::min(all.size(), told.size()));
  CHECK(std::set(told.begin(), told.end()).size() == told.size());
  CHECK(sorted(told) == sorted(all));
  // So has who asks by REST.
  id_list listed;
  std::string cursor = "0";
  for (bool more = true; more;) {
    const auto page = ask(n.port(), "GET", "/v1/alerts?limit=7&cursor=" + cursor);
    for (const auto& a : page["alerts"]) listed.push_back(a["id"]);
    more = page["more"];
    cursor = page["next"];
  }
  CHECK(sorted(listed) == sorted(all));
  // And the receiver has each that was for it, at last with success.
  REQUIRE(n.wait_for([&](const json&) {
    return sql(data, "SELECT count(*) FROM alerts WHERE rule_id = 2 AND hook <> 2") == "0\n";
  }));
  std::set<std::string> received;
  for (const auto& [post, status] : hook.all())
    if (status == 200) received.insert(post.field("Artham-Alert-Id"));
  id_list of_bars;
  for (const auto& r : rows_of(data, "SELECT id FROM alerts WHERE rule_id = 2"))
    of_bars.push_back(r[0]);
  CHECK(id_list(received.begin(), received.end()) == sorted(of_bars));
  CHECK(n.stop() == 0);

  // The journal gives the same.
  const auto replayed =
      artham::test::artham({"replay", "--journal", data, "--out", dir / "out", "--alerts"});
  REQUIRE_MESSAGE(replayed.code == 0, replayed.err);
  std::istringstream csv(read_file(dir / "out/alerts.csv"));
  id_list again;
  std::string line;
  std::getline(csv, line);
  CHECK(line == "id,rule,version,name,key,condition,time,epoch,seq,ordinal,left_out,values");
  while (std::getline(csv, line)) again.push_back(line.substr(0, line.find(',')));
  CHECK(sorted(again) == sorted(all));
  CHECK(replayed.out.find("alerts.csv " + std::to_string(all.size()) + "\n") != std::string::npos);
}

TEST_CASE("the same with alerts in PostgreSQL, the program killed in the middle") {
  auto server = postgres_server::plain();
  database db{&server, "alerts"};
  server.create_database(db.name);
  const scratch dir;
  const auto data = dir / "data";
  market_of_test m;
  auto settings = db.settings();
  settings.insert(settings.end(), m.settings.begin(), m.settings.end());
  const auto count = [&](const std::string& query) { return server.sql(query, db.name); };
  std::string key;
  {
    node n(data, settings);
    REQUIRE(n.wait_for([&](const json& j) { return j.value("ticks_received", 0) > 400; }));
    const auto found = n.get("/v1/instruments?exchange=NSE&limit=20")["instruments"];
    for (const auto& i : found)
      if (i["type"] == "EQ" && i["segment"] == "NSE") key = i["key"];
    REQUIRE_FALSE(key.empty());
    ask(n.port(), "POST", "/v1/alerts/rules",
        {{"key", "bar:" + key + ":5s"}, {"condition", "close > open"}, {"mode", "each"}});
    REQUIRE(n.wait_for(
        [&](const json&) { return std::stoi(count("SELECT count(*) FROM artham.alerts")) >= 2; }));
    n.process().signal(SIGKILL);
    n.process().wait();
  }
  node n(data, settings);
  const auto before = std::stoi(count("SELECT count(*) FROM artham.alerts"));
  REQUIRE(n.wait_for([&](const json&) {
    return std::stoi(count("SELECT count(*) FROM artham.alerts")) >= before + 3;
  }));
  m.exchange.signal(SIGKILL);
  m.exchange.wait();
  const auto same =
      "SELECT (SELECT seq FROM artham.positions WHERE stream = 'md:bars:final.5s') = (SELECT seq "
      "FROM artham.alert_positions WHERE stream = 'md:bars:final.5s')";
  REQUIRE(n.wait_for([](const json& j) { return j["feed"]["state"] != "live"; }));
  REQUIRE(n.wait_for([&](const json&) { return count(same) == "t\n"; }));
  CHECK(n.stop() == 0);
  auto replay =
      std::vector<std::string>{"replay", "--journal", data, "--out", dir / "out", "--alerts"};
  const auto where = db.settings();
  replay.insert(replay.end(), where.begin(), where.end());
  const auto replayed = artham::test::artham(replay);
  REQUIRE_MESSAGE(replayed.code == 0, replayed.err);
  std::istringstream csv(read_file(dir / "out/alerts.csv"));
  id_list again;
  std::string line;
  std::getline(csv, line);
  while (std::getline(csv, line)) again.push_back(line.substr(0, line.find(',')));
  id_list stored;
  std::istringstream rows(count("SELECT id FROM artham.alerts"));
  while (std::getline(rows, line)) stored.push_back(line);
  MESSAGE(stored.size() << " alerts");
  CHECK(sorted(again) == sorted(stored));
  CHECK(count("SELECT count(*) - count(DISTINCT n) FROM artham.alerts") == "0\n");
}

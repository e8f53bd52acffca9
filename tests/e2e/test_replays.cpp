#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/e2e/recorded.hpp"
#include "tests/e2e/replays.hpp"
#include "tests/support/eventually.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t minute = 60 * second;

bool is_final(const json& m, const char* what) {
  return m.value("ev", "") == what && m[what].value("final", false);
}

/// When what an event tells was known: of a tick, its reception; of a finished bar, the mark that
/// closed it, roughly; of a chain of record, its mark. 0: it is no record.
std::int64_t known_at(const json& m) {
  if (m.value("ev", "") == "tick") return m["tick"]["t_rx"];
  if (is_final(m, "bar")) return m["bar"]["end"].get<std::int64_t>() + 3 * second;
  if (is_final(m, "chain")) return m["chain"]["t"];
  return 0;
}

using by_key = std::map<std::string, std::vector<std::string>>;

/// Texts of what is of record from `from` up to `to`, by key, in order.
by_key of_record(const std::vector<json>& messages, std::int64_t from, std::int64_t to) {
  by_key all;
  for (const auto& m : messages) {
    const auto at = known_at(m);
    if (at != 0 && at >= from && at < to) all[m["key"]].push_back(m.dump());
  }
  return all;
}

void check_equal(const by_key& live, const by_key& replayed) {
  for (const auto& [key, texts] : live) {
    CAPTURE(key);
    const auto it = replayed.find(key);
    REQUIRE(it != replayed.end());
    CHECK(texts.size() == it->second.size());
    CHECK(texts == it->second);
  }
  CHECK(live.size() == replayed.size());
}

std::int64_t memory_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(in, line))
    if (line.starts_with("VmRSS:")) return std::stoll(line.substr(6));
  return 0;
}

std::size_t replays_in_tree(const node& n) {
  const auto tree = n.get("/v1/system/tree");
  for (const auto& child : tree["children"])
    if (child["id"] == "replays") return child["children"][0]["children"].size();
  return 999;
}

}  // namespace

TEST_CASE("replays tell what a live client was told, byte for byte, while live goes on") {
  const scratch dir;
  node n(dir / "data", {"--speed", "60", "--set", "exchange.chains=true", "--set",
                        "exchange.instruments=20", "--set", "bars.timeframes=10s 1m 5m 1D"});
  REQUIRE(n.wait_for([](const json& s) { return s["feed"].value("state", "") == "live"; }));
  const auto expiries = n.get("/v1/instruments?query=nifty&exchange=NFO&limit=500");
  std::string expiry;
  for (const auto& i : expiries["instruments"])
    if (i["segment"] == "NFO-OPT" && (expiry.empty() || i["expiry"] < expiry)) expiry = i["expiry"];
  REQUIRE(!expiry.empty());
  const std::vector<std::string> keys{"tick:NSE:NIFTY 50", "bar:NSE:NIFTY 50:10s",
                                      "bar:NSE:NIFTY 50:1m", "bar:NSE:NIFTY 50:5m",
                                      "chain:NIFTY:" + expiry};
  std::vector<json> live;
  ws_client ws(n.port());
  ws.send(json{{"id", 1}, {"op", "sub"}, {"keys", keys}, {"policy", "all"}}.dump());
  const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
  REQUIRE(reply);
  REQUIRE_MESSAGE((*reply)["ok"] == true, reply->dump());
  std::int64_t begun = 0;
  for (std::int64_t now = 0; begun == 0 || now < begun + 12 * minute;) {
    auto m = ws.next();
    REQUIRE(m);
    if (m->value("ev", "") == "tick") {
      now = (*m)["tick"]["t_rx"];
      if (begun == 0) begun = now;
    }
    live.push_back(std::move(*m));
  }
  // Cuts bars of all timeframes; what is known near an end is known clearly within or without.
  const auto from = begun / minute * minute + 2 * minute + 27 * second;
  const auto to = from + 7 * minute;
  const auto expected = of_record(live, from, to);
  REQUIRE(expected.size() == keys.size());

  replay_client one(n.port(), from, to, "max");
  replay_client two(n.port(), from + minute, to, 600);
  one.subscribe(keys);
  two.subscribe(keys);
  CHECK(one.tell({{"op", "resume"}}).status == 200);
  CHECK(two.tell({{"op", "resume"}}).status == 200);
  const auto first = one.until("ended");
  check_equal(expected, of_record(first, 0, INT64_MAX));
  check_equal(of_record(live, from + minute, to), of_record(two.until("ended"), 0, INT64_MAX));
  CHECK(n.get("/v1/status")["replays"].size() == 2);

  // Back, and the same again.
  const auto back = one.tell({{"op", "seek"}, {"to", from + 2 * minute}});
  CHECK_MESSAGE(back.status == 200, back.body.dump());
  const auto moved = one.until("paused");
  CHECK(std::ranges::count_if(moved, [](const json& m) { return m.value("ev", "") == "moved"; }) ==
        static_cast<std::ptrdiff_t>(keys.size()));
  CHECK(of_record(moved, 0, INT64_MAX).empty());
  CHECK(one.tell({{"op", "resume"}}).status == 200);
  check_equal(of_record(live, from + 2 * minute, to), of_record(one.until("ended"), 0, INT64_MAX));
  CHECK(one.stop().status == 200);
  CHECK(two.stop().status == 200);
  const auto over = one.ws().next_that([](const json& m) { return m.value("ev", "") == "replay"; });
  REQUIRE(over);
  CHECK((*over)["state"] == "stopped");
  CHECK(replays_in_tree(n) == 0);
  CHECK(n.stop() == 0);
  const auto verified = artham::test::artham({"verify", "--data", dir / "data"});
  CHECK_MESSAGE(verified.code == 0, verified.out << verified.err);
}

TEST_CASE("a recorded day is replayed to the bars that are stored, and histories know no future") {
  const scratch dir;
  node n(dir / "data", {"--recording", recording, "--speed", "max", "--set",
                        "bars.timeframes=10s 1m 5m 1D", "--set", "cluster.shards=1"});
  REQUIRE_MESSAGE(n.wait_for(settled), n.get("/v1/status").dump(1));
  const auto listed = n.get("/v1/instruments?limit=50");
  REQUIRE(!listed["instruments"].empty());
  std::string key;
  json stored;
  const auto look = [&] {
    auto name = key;
    if (const auto at = name.find(' '); at != std::string::npos) name.replace(at, 1, "%20");
    stored = n.get("/v1/bars?revision=all&order=asc&from=0&limit=10000&timeframe=10s&instrument=" +
                   name);
    return stored.contains("bars") && stored["bars"].size() > 3;
  };
  REQUIRE(n.wait_for([&](const json&) {
    return std::ranges::any_of(listed["instruments"], [&](const json& i) {
      key = i["key"];
      return look();
    });
  }));
  const auto first = stored["bars"].front()["start"].get<std::int64_t>();
  const auto last = stored["bars"].back()["end"].get<std::int64_t>();
  replay_client whole(n.port(), first, last + 24 * 60 * minute, "max");
  whole.subscribe({"bar:" + key + ":10s"});
  whole.tell({{"op", "resume"}});
  std::vector<json> bars;
  for (const auto& m : whole.until("ended"))
    if (is_final(m, "bar")) bars.push_back(m["bar"]);
  CHECK(n.wait_for([&](const json&) { return look() && stored["bars"] == json(bars); }));

  const auto middle = stored["bars"][3]["start"].get<std::int64_t>() + 5 * second;
  whole.tell({{"op", "seek"}, {"to", middle}});
  whole.until("paused");
  whole.ws().send(json{
      {"id", 9},
      {"op", "sub"},
      {"keys", {whole.prefix() + "bar:" + key + ":10s"}},
      {"history",
       100}}.dump());
  const auto reply = whole.ws().next_that([](const json& m) { return m.value("id", 0) == 9; });
  REQUIRE(reply);
  const auto known = (*reply)["subs"][0]["snapshot"]["bars"];
  REQUIRE(known.size() == 4);
  for (std::size_t i = 0; i < 3; ++i) CHECK(known[i]["start"] == stored["bars"][i]["start"]);
  CHECK(known[3]["final"] == false);

  const auto stepped = whole.tell({{"op", "step"}, {"by", "bar"}, {"timeframe", "10s"}});
  CHECK(stepped.status == 200);
  CHECK(stepped.body["clock"]["state"] == "paused");
  CHECK(n.stop() == 0);
}

TEST_CASE("rules are evaluated in a replay as it is played, and nothing of it is stored") {
  const scratch dir;
  node n(dir / "data", {"--recording", recording, "--speed", "max", "--set",
                        "bars.timeframes=10s 1m 5m 1D", "--set", "cluster.shards=1"});
  REQUIRE_MESSAGE(n.wait_for(settled), n.get("/v1/status").dump(1));
  const auto key = n.get("/v1/instruments?limit=1")["instruments"][0]["key"].get<std::string>();
  const auto add = [&](const std::string& of, const std::string& condition,
                       const std::string& mode) {
    const auto made = call(n.port(), "POST", "/v1/alerts/rules",
                           json{{"key", of + ":" + key + (of == "bar" ? ":10s" : "")},
                                {"condition", condition},
                                {"mode", mode}}
                               .dump());
    REQUIRE_MESSAGE(made.status == 201, made.body.dump());
    return made.body["id"].get<int>();
  };
  const auto once = add("tick", "last_price > 0", "once");
  const auto each = add("bar", "close crosses vwap or close != open", "each");
  const auto off = add("tick", "last_price > 0", "each");
  CHECK(call(n.port(), "PUT", "/v1/alerts/rules/" + std::to_string(off), R"({"enabled":false})")
            .status == 200);
  const auto said = call(n.port(), "POST", "/v1/replays", R"({"from":1,"to":2})")
                        .body["detail"]
                        .get<std::string>();
  const auto at = said.rfind("records from ");
  REQUIRE(at != std::string::npos);
  const auto from = said.substr(at + 13, said.find(" to ", at) - at - 13);
  const auto to = said.substr(said.find(" to ", at) + 4);
  std::vector<std::string> first;
  for (int i = 0; i < 2; ++i) {
    const auto made =
        call(n.port(), "POST", "/v1/replays",
             json{{"from", from}, {"to", to}, {"speed", "max"}, {"paused", true}}.dump());
    REQUIRE_MESSAGE(made.status == 201, made.body.dump());
    const auto id = "replay:" + made.body["id"].get<std::string>();
    ws_client ws(n.port());
    ws.send(json{{"id", 1}, {"op", "sub"}, {"keys", {id + ":alerts", id + ":clock"}}}.dump());
    const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
    REQUIRE(reply);
    REQUIRE_MESSAGE((*reply)["ok"] == true, reply->dump());
    const auto path = "/v1/replays/" + made.body["id"].get<std::string>();
    CHECK(call(n.port(), "POST", path, R"({"op":"resume"})").status == 200);
    std::vector<std::string> told;
    for (bool ended = false; !ended;) {
      const auto m = ws.next();
      REQUIRE(m);
      if (m->value("ev", "") == "alert") told.push_back((*m)["alert"].dump());
      ended = m->value("ev", "") == "clock" && (*m)["clock"]["state"] == "ended";
    }
    const auto of = [&](int rule) {
      return std::ranges::count_if(
          told, [rule](const std::string& text) { return json::parse(text)["rule"] == rule; });
    };
    CHECK(of(once) == 1);
    CHECK(of(each) >= 2);
    CHECK(of(off) == 0);
    if (i == 0) first = told;
    CHECK(told == first);
    CHECK(call(n.port(), "DELETE", path).status == 200);
  }
  CHECK(n.get("/v1/alerts")["alerts"].empty());
  CHECK(n.stop() == 0);
}

TEST_CASE("a hundred replays leave nothing behind") {
  const scratch dir;
  node n(dir / "data",
         {"--recording", recording, "--speed", "max", "--set", "bars.timeframes=10s 1m 5m 1D"});
  REQUIRE_MESSAGE(n.wait_for(settled), n.get("/v1/status").dump(1));
  const auto gap = n.get("/v1/instruments?limit=1")["instruments"][0]["key"].get<std::string>();
  const auto ticks = call(n.port(), "POST", "/v1/replays", R"({"from":1,"to":2})");
  CHECK(ticks.status == 404);
  CHECK(ticks.body["type"].get<std::string>().find("no-ticks") != std::string::npos);
  const auto said = ticks.body["detail"].get<std::string>();
  const auto at = said.rfind("records from ");
  REQUIRE(at != std::string::npos);
  const auto from = said.substr(at + 13, said.find(" to ", at) - at - 13);
  const auto to = said.substr(said.find(" to ", at) + 4);
  std::int64_t after_ten = 0;
  for (int i = 0; i < 100; ++i) {
    const auto made = call(n.port(), "POST", "/v1/replays",
                           json{{"from", from}, {"to", to}, {"speed", "max"}}.dump());
    REQUIRE_MESSAGE(made.status == 201, made.body.dump());
    const auto id = made.body["id"].get<std::string>();
    {
      ws_client ws(n.port());
      ws.send(json{
          {"id", 1},
          {"op", "sub"},
          {"keys", {"replay:" + id + ":tick:" + gap, "replay:" + id + ":clock"}},
          {"policy",
           "all"}}.dump());
      const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
      REQUIRE(reply);
      REQUIRE_MESSAGE((*reply)["ok"] == true, reply->dump());
      const bool ended = (*reply)["subs"][1]["snapshot"]["clock"]["state"] == "ended";
      // Every other one is stopped on its way.
      if (i % 2 == 0 && !ended) {
        REQUIRE(ws.next_that([](const json& m) {
          return m.value("ev", "") == "clock" && m["clock"]["state"] == "ended";
        }));
      }
      CHECK(call(n.port(), "DELETE", "/v1/replays/" + id).status == 200);
      REQUIRE(ws.next_that([](const json& m) { return m.value("ev", "") == "replay"; }));
    }
    CHECK(call(n.port(), "GET", "/v1/replays/" + id).status == 404);
    if (i == 9) after_ten = memory_of(n.process().pid());
  }
  CHECK(replays_in_tree(n) == 0);
  CHECK(call(n.port(), "GET", "/v1/replays").body["replays"].empty());
  const auto grown = memory_of(n.process().pid()) - after_ten;
  MESSAGE("after ten replays " << after_ten << " KiB, after a hundred " << grown << " KiB more");
  CHECK(grown < 32 * 1024);
  CHECK(n.stop() == 0);
}

TEST_CASE("requests for replays that make no sense are refused with what would") {
  const scratch dir;
  node n(dir / "data", {"--recording", recording, "--speed", "max", "--set", "web.max_replays=2",
                        "--set", "web.replay_days=3", "--set", "web.replay_idle=2s"});
  REQUIRE_MESSAGE(n.wait_for(settled), n.get("/v1/status").dump(1));
  const auto refused = [&](int status, const std::string& kind, const json_answer& a) {
    CAPTURE(a.body.dump());
    CHECK(a.status == status);
    CHECK(a.body.value("type", "").find(kind) != std::string::npos);
    return a.body.value("detail", "");
  };
  const auto post = [&](const std::string& body) {
    return call(n.port(), "POST", "/v1/replays", body);
  };
  refused(400, "bad-parameter", post("nonsense"));
  refused(400, "bad-parameter", post("[1]"));
  CHECK(refused(400, "bad-parameter", post(R"({"to":5})")).find("\"from\"") != std::string::npos);
  refused(400, "bad-parameter", post(R"({"from":5,"to":5})"));
  refused(400, "bad-parameter", post(R"({"from":-5,"to":5})"));
  refused(400, "bad-parameter", post(R"({"from":18446744073709551615,"to":5})"));
  refused(400, "bad-parameter", post(R"({"from":"yesterday","to":5})"));
  refused(400, "bad-parameter", post(R"({"from":1,"to":5,"speed":0})"));
  refused(400, "bad-parameter", post(R"({"from":1,"to":5,"speed":1e99})"));
  refused(400, "bad-parameter", post(R"({"from":1,"to":5,"speed":"fast"})"));
  refused(400, "bad-parameter", post(R"({"from":1,"to":5,"paused":1})"));
  CHECK(refused(400, "bad-parameter", post(R"({"from":1,"to":5,"colour":1})")).find("colour") !=
        std::string::npos);
  CHECK(refused(400, "bad-parameter", post(R"({"from":1,"to":300000000000})"))
            .find("web.replay_days") != std::string::npos);
  refused(415, "not-json",
          call(n.port(), "POST", "/v1/replays", R"({"from":1,"to":5})", "", "text/plain"));
  refused(405, "method", call(n.port(), "PUT", "/v1/replays", "{}"));
  refused(404, "no-such-replay", call(n.port(), "GET", "/v1/replays/1"));
  refused(404, "no-such-replay", call(n.port(), "DELETE", "/v1/replays/1"));
  refused(404, "no-such-replay", call(n.port(), "POST", "/v1/replays/1", R"({"op":"pause"})"));
  const auto said = refused(404, "no-ticks", post(R"({"from":1,"to":5})"));
  const auto at = said.rfind("records from ");
  const auto from = said.substr(at + 13, said.find(" to ", at) - at - 13);
  const auto to = said.substr(said.find(" to ", at) + 4);
  const auto wish = json{{"from", from}, {"to", to}, {"paused", true}}.dump();
  const auto made = post(wish);
  REQUIRE_MESSAGE(made.status == 201, made.body.dump());
  REQUIRE(post(wish).status == 201);
  CHECK(refused(429, "too-many-replays", post(wish)).find("web.max_replays") != std::string::npos);
  const auto one = "/v1/replays/" + made.body["id"].get<std::string>();
  refused(400, "bad-parameter", call(n.port(), "POST", one, R"({"op":"dance"})"));
  refused(400, "bad-parameter", call(n.port(), "POST", one, R"({"op":"pause","to":5})"));
  refused(400, "bad-parameter", call(n.port(), "POST", one, R"({"op":"speed"})"));
  refused(400, "bad-parameter", call(n.port(), "POST", one, R"({"op":"step","by":"bar"})"));
  refused(400, "bad-parameter", call(n.port(), "POST", one, R"({"op":"step","timeframe":"1m"})"));
  CHECK(refused(400, "bad-parameter", call(n.port(), "POST", one, R"({"op":"seek","to":5})"))
            .find("interval") != std::string::npos);
  refused(400, "bad-parameter",
          call(n.port(), "POST", one, R"({"op":"step","by":"bar","timeframe":"7m"})"));
  // Nobody takes part.
  CHECK(n.wait_for([](const json& s) { return s["replays"].empty(); }));
  refused(404, "no-such-replay", call(n.port(), "GET", one));
  CHECK(n.stop() == 0);
}

TEST_CASE("where keys are needed, replays need their scope") {
  const scratch dir;
  const auto data = dir / "data";
  node n(data, {"--recording", recording, "--speed", "max"});
  REQUIRE_MESSAGE(n.wait_for(settled), n.get("/v1/status").dump(1));
  const auto key_of = [&](const std::string& name, const std::string& scopes) {
    auto f = artham::test::artham({"key", "add", name, "--scopes", scopes, "--data", data});
    REQUIRE_MESSAGE(f.code == 0, f.err);
    if (!f.out.empty() && f.out.back() == '\n') f.out.pop_back();
    return "Authorization: Bearer " + f.out + "\r\n";
  };
  const auto reads = key_of("reader", "read");
  const auto replays = key_of("player", "replay");
  CHECK(eventually([&] { return call(n.port(), "GET", "/v1/replays").status == 401; },
                   std::chrono::seconds(5)));
  // A key counts within a second.
  CHECK(eventually([&] { return call(n.port(), "GET", "/v1/replays", "", replays).status == 200; },
                   std::chrono::seconds(5)));
  CHECK(call(n.port(), "GET", "/v1/replays", "", reads).status == 403);
  const auto none = call(n.port(), "POST", "/v1/replays", R"({"from":1,"to":5})", replays);
  CHECK(none.status == 404);
  CHECK(n.stop() == 0);
}

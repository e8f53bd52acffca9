#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "store/sqlite/alerts.hpp"
#include "tests/support/process.hpp"
#include "web/access/rules.hpp"
#include "web/api/alerts.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

struct kept_answer final : web::responder::target {
  void answer(web::http_response r) override { given = std::move(r); }
  void limit(std::chrono::milliseconds, std::string) override {}
  web::http_response given;
};

/// The routes over a book, without a socket.
struct alert_api {
  alert_api() {
    web::alert_sources s;
    s.post = [this](const std::function<void(store::alert_book&)>& job) {
      if (!overloaded) job(*book);
      return !overloaded;
    };
    s.bind = [](const market::alert::rule_key& key) -> result<web::bound_key> {
      if (key.instrument == "NSE:INFY") return web::bound_key{408065, 1'000};
      if (key.instrument.empty()) return web::bound_key{};
      return fail(errc::bad_input, "\"key\": unknown instrument \"" + key.instrument + "\"");
    };
    s.end_of_ticks = [] { return result<record::position>({3, 42}); };
    s.check_webhook = [](const std::string& url) -> result<void> {
      if (url.starts_with("https://")) return {};
      return fail(errc::usage, "webhook \"" + url + "\" is none");
    };
    s.limits = {3, 1};
    routes = std::make_unique<web::alert_routes>(std::move(s));
  }

  struct reply {
    unsigned status;
    json body;
    web::text_pairs headers;
    std::string text;
  };
  reply ask(const std::string& method, const std::string& target, const std::string& body = "",
            const std::string& owner = "key:1", bool admin = false) {
    auto q = *web::parse_target(target);
    q.method = method;
    q.body = body;
    q.content_type = "application/json";
    q.owner = owner;
    q.may_all = admin;
    const auto kept = std::make_shared<kept_answer>();
    REQUIRE(routes->handle(q, web::responder(kept)));
    return {kept->given.status, json::parse(kept->given.body, nullptr, false), kept->given.headers,
            kept->given.body};
  }
  json made(const std::string& body, const std::string& owner = "key:1") {
    const auto r = ask("POST", "/v1/alerts/rules", body, owner);
    REQUIRE_MESSAGE(r.status == 201, r.text);
    return r.body;
  }
  void fire(std::int64_t rule, const std::string& owner, int n) {
    std::vector<store::alert_row> rows;
    for (int i = 0; i < n; ++i) {
      store::alert_row a;
      a.id = std::to_string(rule) + "-1-1-" + std::to_string(++seq) + "-0";
      a.rule = rule;
      a.owner = owner;
      a.at = 7'000'000;
      a.values = R"({"last_price":"1501"})";
      rows.push_back(a);
    }
    store::alert_batch b;
    b.version = *book->version();
    b.alerts = rows;
    REQUIRE(*book->commit(b));
  }

  scratch dir;
  std::unique_ptr<store::alert_book> book = std::move(*store::sqlite::open_alerts(dir / "a.db"));
  std::unique_ptr<web::alert_routes> routes;
  bool overloaded = false;
  int seq = 0;
};

constexpr const char* simple = R"({"key":"tick:NSE:INFY","condition":"last_price > 1500.05"})";

}  // namespace

TEST_CASE("a rule is made, shown, changed, and ended, by its owner") {
  alert_api a;
  const auto r =
      a.ask("POST", "/v1/alerts/rules",
            R"({"name":"up","key":"bar:NSE:INFY:5m","condition":"close > 1","mode":"each",
                           "on":"revision","quiet":"5m","webhook":"https://x.example/","enabled":true})");
  REQUIRE(r.status == 201);
  CHECK(std::ranges::count(
            r.headers, std::pair<std::string, std::string>("Location", "/v1/alerts/rules/1")) == 1);
  CHECK(r.body["id"] == 1);
  CHECK(r.body["version"] == 1);
  CHECK(r.body["state"] == "pending");
  CHECK(r.body["mode"] == "each");
  CHECK(r.body["on"] == "revision");
  CHECK(r.body["quiet"] == "5m");
  CHECK(r.body["webhook"] == "https://x.example/");
  CHECK(r.body["owner"] == "key:1");
  const auto stored = (*a.book->rule(1))->rule;
  CHECK(stored.token == 408065);
  CHECK(stored.ends == 1'000);
  CHECK(stored.after == record::position{3, 42});
  CHECK(a.ask("GET", "/v1/alerts/rules/1").body == r.body);
  CHECK(a.ask("GET", "/v1/alerts/rules").body["rules"].size() == 1);

  const auto changed = a.ask("PUT", "/v1/alerts/rules/1", R"({"enabled":false,"webhook":null})");
  REQUIRE(changed.status == 200);
  CHECK(changed.body["version"] == 2);
  CHECK(changed.body["state"] == "disabled");
  CHECK(changed.body["condition"] == "close > 1");
  CHECK_FALSE(changed.body.contains("webhook"));
  CHECK(a.ask("DELETE", "/v1/alerts/rules/1").status == 204);
  CHECK(a.ask("GET", "/v1/alerts/rules/1").status == 404);
  CHECK(a.ask("DELETE", "/v1/alerts/rules/1").status == 404);
  CHECK(a.ask("GET", "/v1/alerts/rules").body["rules"].empty());
}

TEST_CASE("a rule's state: pending, active, fired") {
  alert_api a;
  const auto rule = a.made(simple);
  CHECK(rule["mode"] == "once");
  CHECK(rule["name"] == "tick:NSE:INFY last_price > 1500.05");
  const auto progress = [&](const std::string& state) {
    store::alert_batch b;
    b.version = *a.book->version();
    const std::vector<store::alert_progress> p{{1, 1, {3, 42}, {}, state}};
    b.progress = p;
    REQUIRE(*a.book->commit(b));
    return a.ask("GET", "/v1/alerts/rules/1").body;
  };
  const auto active = progress("1w? 0 -1 0 0");
  CHECK(active["state"] == "active");
  CHECK(active["from"] == json{{"epoch", 3}, {"seq", 42}});
  CHECK(progress("1dy 0 -1 0 0")["state"] == "fired");
}

TEST_CASE("nobody sees or changes others' rules and alerts, but an administrator") {
  alert_api a;
  a.made(simple);
  a.fire(1, "key:1", 2);
  CHECK(a.ask("GET", "/v1/alerts/rules", "", "key:2").body["rules"].empty());
  CHECK(a.ask("GET", "/v1/alerts", "", "key:2").body["alerts"].empty());
  for (const auto* method : {"GET", "PUT", "DELETE"})
    CHECK(a.ask(method, "/v1/alerts/rules/1", "{}", "key:2").status == 404);
  CHECK(a.ask("GET", "/v1/alerts/rules?owner=all", "", "key:2").status == 400);
  CHECK(a.ask("GET", "/v1/alerts?owner=all", "", "key:2").status == 400);
  CHECK(a.ask("GET", "/v1/alerts/rules?owner=all", "", "key:2", true).body["rules"].size() == 1);
  CHECK(a.ask("GET", "/v1/alerts?owner=all", "", "key:2", true).body["alerts"].size() == 2);
  // An administrator ends it; what it is stays its owner's.
  CHECK(a.ask("PUT", "/v1/alerts/rules/1", R"({"enabled":false})", "key:2", true).body["owner"] ==
        "key:1");
  CHECK(a.ask("DELETE", "/v1/alerts/rules/1", "", "key:2", true).status == 204);
}

TEST_CASE("alerts: the newest, and pages from a cursor, which miss and repeat none") {
  alert_api a;
  a.made(simple);
  a.made(simple);
  for (int i = 0; i < 7; ++i) {
    a.fire(1, "key:1", 1);
    a.fire(2, "key:1", 1);
    a.fire(9, "key:7", 1);
  }
  const auto newest = a.ask("GET", "/v1/alerts?limit=3").body;
  REQUIRE(newest["alerts"].size() == 3);
  CHECK(newest["alerts"][2]["id"] == "2-1-1-20-0");
  CHECK(newest["alerts"][2]["t"] == 7'000);
  CHECK(newest["alerts"][2]["values"]["last_price"] == "1501");
  CHECK(newest["more"] == false);
  std::vector<std::string> seen;
  std::string cursor = "0";
  for (bool more = true; more;) {
    const auto page = a.ask("GET", "/v1/alerts?rule=1&limit=3&cursor=" + cursor).body;
    for (const auto& one : page["alerts"]) seen.push_back(one["id"]);
    more = page["more"];
    cursor = page["next"];
  }
  CHECK(seen.size() == 7);
  CHECK(a.ask("GET", "/v1/alerts?cursor=" + cursor).body["alerts"].size() == 1);
  a.fire(1, "key:1", 1);
  const auto next = a.ask("GET", "/v1/alerts?rule=1&cursor=" + cursor).body;
  REQUIRE(next["alerts"].size() == 1);
}

TEST_CASE("what is refused says which member, what is wrong with it, and what would be right") {
  alert_api a;
  const auto refused = [&](const std::string& body, const std::string& word) {
    const auto r = a.ask("POST", "/v1/alerts/rules", body);
    INFO(r.text);
    CHECK(r.status == 400);
    CHECK(r.body["type"] == "urn:artham:problem:bad-rule");
    CHECK(r.body["detail"].get<std::string>().find(word) != std::string::npos);
  };
  refused("", "a JSON object such as");
  refused("[]", "a JSON object such as");
  refused("{}", "\"key\" is missing");
  refused(R"({"kee":1})", "\"kee\" is nothing that a rule has; there are: name key");
  refused(R"({"key":1})", "\"key\" is a text");
  refused(R"({"key":"tick:INFY"})", "expected tick:EXCHANGE:SYMBOL");
  refused(R"({"key":"tick:NSE:NONE","condition":"last_price > 1"})", "unknown instrument");
  refused(R"({"key":"tick:NSE:INFY","condition":"iv > 1"})", "there are: last_price");
  refused(R"({"key":"tick:NSE:INFY"})", "at the end");
  refused(R"({"key":"tick:NSE:INFY","condition":"last_price > 1","mode":"always"})",
          "\"once\" or \"each\"");
  refused(R"({"key":"tick:NSE:INFY","condition":"last_price > 1","on":"revision"})",
          "nothing else is revised");
  refused(R"({"key":"tick:NSE:INFY","condition":"last_price > 1","quiet":"-1s"})",
          "\"quiet\" is a duration");
  refused(R"({"key":"tick:NSE:INFY","condition":"last_price > 1","quiet":5})",
          "\"quiet\" is a duration");
  refused(R"({"key":"tick:NSE:INFY","condition":"last_price > 1","webhook":"ftp://x"})", "is none");
  refused(R"({"key":"tick:NSE:INFY","condition":"last_price > 1","enabled":"yes"})",
          "true or false");
  refused(R"({"key":"gap","name":")" + std::string(101, 'x') + "\"}", "longer than 100");
  CHECK(a.ask("PUT", "/v1/alerts/rules/x", "{}").status == 404);
  CHECK(a.ask("PATCH", "/v1/alerts/rules/1", "{}").status == 405);
  CHECK(a.ask("POST", "/v1/alerts", "{}").status == 405);
  for (const auto* target : {"/v1/alerts?limit=0", "/v1/alerts?limit=1001", "/v1/alerts?cursor=x",
                             "/v1/alerts?rule=x", "/v1/alerts?owner=you", "/v1/alerts?foo=1"})
    CHECK_MESSAGE(a.ask("GET", target).status == 400, target);
  auto q = *web::parse_target("/v1/alerts/rules");
  q.method = "POST";
  q.body = simple;
  q.content_type = "text/plain";
  const auto kept = std::make_shared<kept_answer>();
  REQUIRE(a.routes->handle(q, web::responder(kept)));
  CHECK(kept->given.status == 415);
  CHECK_FALSE(a.routes->handle(*web::parse_target("/v1/alertsx"), web::responder(kept)));
}

TEST_CASE("limits, an overloaded store, and no alerts at all") {
  alert_api a;
  const auto hooked = R"({"key":"gap","webhook":"https://x.example/"})";
  a.made(hooked);
  auto r = a.ask("POST", "/v1/alerts/rules", hooked);
  CHECK(r.status == 409);
  CHECK(r.body["detail"].get<std::string>().find("alerts.max_webhooks") != std::string::npos);
  a.made(simple);
  a.made(simple);
  r = a.ask("POST", "/v1/alerts/rules", simple);
  CHECK(r.status == 409);
  CHECK(r.body["type"] == "urn:artham:problem:too-many-rules");
  a.made(simple, "key:2");
  a.overloaded = true;
  CHECK(a.ask("GET", "/v1/alerts").status == 503);
  a.routes = std::make_unique<web::alert_routes>(web::alert_sources{});
  r = a.ask("GET", "/v1/alerts");
  CHECK(r.status == 404);
  CHECK(r.body["detail"].get<std::string>().find("alerts.enabled") != std::string::npos);
}

TEST_CASE("who may read may have rules of his own; nothing else is changed with that scope") {
  for (const auto* method : {"GET", "POST", "PUT", "DELETE"}) {
    CHECK(web::needed_scope(method, "/v1/alerts/rules") == store::scope::read);
    CHECK(web::needed_scope(method, "/v1/alerts") == store::scope::read);
  }
  CHECK(web::needed_scope("POST", "/v1/alertsx") == store::scope::admin);
  CHECK(web::needed_scope("DELETE", "/v1/bars") == store::scope::admin);
}

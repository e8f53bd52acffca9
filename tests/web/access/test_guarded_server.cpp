#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/web/access/world.hpp"
#include "tests/web/server_fixture.hpp"
#include "web/access/guarded_gateway.hpp"
#include "web/access/guarded_handler.hpp"

using namespace artham;
using namespace artham::web;
using namespace artham::web::testing;
using nlohmann::json;
using std::chrono::milliseconds;

namespace {

/// A server that answers everything with its path and echoes commands, behind the guard.
struct guarded_server : access_world {
  server_fixture web;
  std::shared_ptr<access_control> control;
  std::unique_ptr<guarded_gateway> door;
  std::uint16_t port = 0;

  guarded_server() {
    options.mode = access_mode::keys;
    options.auth_timeout = milliseconds(60'000);
  }
  ~guarded_server() {
    if (web.running) web.running->stop();
    if (control) control->stop();
  }
  void run() {
    control = start();
    door = std::make_unique<guarded_gateway>(web.gateway, control);
    web.handler = guarded(web.handler, control);
    web.endpoints = {{"/v1/stream", door.get()}, {"/kite/ws", door.get()}};
    port = web.start();
  }
  raw_client::answer get(const std::string& target, const std::string& key = "",
                         const std::string& scheme = "Bearer ") {
    raw_client c(port);
    return c.get(target, key.empty() ? "" : "Authorization: " + scheme + key + "\r\n");
  }
  raw_client::answer post(const std::string& target, const std::string& body = "",
                          const std::string& key = "") {
    raw_client c(port);
    c.send("POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
           (key.empty() ? "" : "Authorization: Bearer " + key + "\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return c.receive_answer();
  }
};

std::string upgrade(const std::string& target, const std::string& fields = "") {
  return "GET " + target +
         " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         fields + "\r\n";
}

struct websocket : raw_client {
  explicit websocket(std::uint16_t port, const std::string& target = "/v1/stream",
                     const std::string& fields = "")
      : raw_client(port) {
    send(upgrade(target, fields));
    REQUIRE(receive_answer(false).status == 101);
  }
  void command(const std::string& text) { send(client_frame(0x81, text)); }
  json ask(const std::string& text) {
    command(text);
    const auto f = receive_frame(*this);
    REQUIRE(f.opcode == 1);
    return json::parse(f.payload);
  }
  int close_code() {
    for (;;) {
      const auto f = receive_frame(*this);
      if (f.opcode == 8) return f.close_code();
      if (f.opcode == 0xff) return 0;
    }
  }
};

std::string auth(const std::string& credential, const std::string& member = "key") {
  return json{{"id", 1}, {"op", "auth"}, {member, credential}}.dump();
}

}  // namespace

TEST_CASE_FIXTURE(guarded_server,
                  "without a key there is what is public, and a 401 that says how") {
  add_key("desk");
  run();
  for (const auto* path : {"/livez", "/readyz", "/version", "/openapi.json", "/"})
    CHECK(get(path).status == 200);
  for (const auto* path : {"/v1/bars", "/metrics", "/v1/status", "/v1/system/tree", "/v1/session",
                           "/v1/logout", "/nosuch", "/udf/config", "/%76%31/bars"}) {
    CAPTURE(path);
    const auto a = get(path);
    CHECK(a.status == 401);
    CHECK(a.field("WWW-Authenticate") == "Bearer realm=\"artham\"");
    CHECK(a.field("Content-Type") == "application/problem+json");
    CHECK(json::parse(a.body)["type"].get<std::string>().find("unauthorized") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(guarded_server, "a key opens what its scopes have") {
  const auto reads = add_key("reads", 1);
  const auto admin = add_key("admin", 4);
  run();
  CHECK(get("/v1/bars", reads).body == "GET /v1/bars\n");
  CHECK(get("/v1/bars", admin).status == 200);
  auto a = post("/v1/replays", "", reads);
  CHECK(a.status == 403);
  CHECK(a.field("WWW-Authenticate").find("error=\"insufficient_scope\", scope=\"replay\"") !=
        std::string::npos);
  CHECK(post("/v1/anything", "", reads).status == 403);
  CHECK(post("/v1/anything", "", admin).status == 200);
  CHECK(has_event("access", "no scope for POST /v1/replays", "key 1 reads"));

  a = get("/v1/session", reads);
  CHECK(json::parse(a.body) ==
        json::parse(R"({"kind":"key","name":"reads","id":1,"scopes":["read"]})"));
  CHECK(a.field("Cache-Control") == "no-store");
  CHECK(json::parse(get("/v1/session", admin).body)["scopes"].size() == 3);

  const auto wrong = get("/v1/bars", "artham_1_nonsense");
  CHECK(wrong.status == 401);
  CHECK(wrong.field("WWW-Authenticate").find("invalid_token") != std::string::npos);
  CHECK(wrong.body.find("nonsense") == std::string::npos);
  revoke("reads");
  CHECK(eventually([&] { return get("/v1/bars", reads).status == 401; }));
}

TEST_CASE_FIXTURE(guarded_server, "a key in an address is refused, and not repeated") {
  const auto key = add_key("desk");
  run();
  for (const auto& target : {"/v1/bars?api_key=" + key, "/v1/bars?x=" + key,
                             "/livez?access_token=" + key, "/v1/login?a=" + key}) {
    const auto a = get(target, key);
    CHECK(a.status == 400);
    CHECK(a.body.find(key) == std::string::npos);
  }
  CHECK(get("/kite/quote?api_key=x&access_token=" + key).status == 200);
}

TEST_CASE_FIXTURE(guarded_server, "Kite's clients say it their way, and are refused in theirs") {
  const auto key = add_key("desk");
  run();
  CHECK(get("/kite/quote", "any:" + key, "token ").status == 200);
  const auto a = get("/kite/quote", "any:wrong", "token ");
  CHECK(a.status == 403);
  CHECK(json::parse(a.body)["error_type"] == "TokenException");
  CHECK(get("/kite/quote").status == 403);
}

TEST_CASE_FIXTURE(guarded_server, "login, session, renewal and logout") {
  add_user("anna", "correct horse", 3);
  run();
  auto a = post("/v1/login", R"({"user":"anna","password":"wrong"})");
  CHECK(a.status == 401);
  a = post("/v1/login", R"({"user":"anna","password":"correct horse"})");
  REQUIRE(a.status == 200);
  CHECK(a.field("Cache-Control") == "no-store");
  auto j = json::parse(a.body);
  CHECK(j["scopes"] == json::parse(R"(["read","replay"])"));
  CHECK(j["renewable"] == true);
  const std::string first = j["ticket"];
  CHECK(get("/v1/bars", first).status == 200);
  a = post("/v1/session", "", first);
  REQUIRE(a.status == 200);
  j = json::parse(a.body);
  CHECK(j["renewable"] == false);
  const std::string second = j["ticket"];
  CHECK(get("/v1/bars", first).status == 401);
  CHECK(post("/v1/session", "", second).status == 401);
  CHECK(json::parse(get("/v1/session", second).body)["name"] == "anna");
  CHECK(post("/v1/logout", "", second).status == 204);
  CHECK(get("/v1/session", second).status == 401);

  CHECK(get("/v1/login").status == 405);
  for (const auto* body : {"", "[]", "{\"user\":\"anna\"}", "{\"user\":1,\"password\":\"x\"}"})
    CHECK(post("/v1/login", body).status == 400);
  const auto key = add_key("desk");
  CHECK(eventually([&] { return get("/v1/session", key).status == 200; }));
  CHECK(post("/v1/logout", "", key).status == 400);
  CHECK(post("/v1/session", "", key).status == 401);
}

TEST_CASE_FIXTURE(guarded_server, "guessing is answered with 429 and costs nobody else anything") {
  const auto key = add_key("desk");
  add_user("anna", "correct horse");
  options.failures_per_minute = 3;
  run();
  for (int i = 0; i < 3; ++i) CHECK(get("/v1/bars", "guess").status == 401);
  const auto a = get("/v1/bars", "guess");
  CHECK(a.status == 429);
  CHECK(a.field("Retry-After") == "60");
  CHECK(post("/v1/login", R"({"user":"anna","password":"correct horse"})").status == 429);
  CHECK(get("/v1/bars", key).status == 200);
}

TEST_CASE_FIXTURE(guarded_server, "a WebSocket waits for auth; until then it may ping") {
  const auto key = add_key("desk");
  run();
  websocket w(port);
  CHECK(w.ask(R"({"id":7,"op":"ping"})") == json::parse(R"({"id":7,"ok":true,"op":"pong"})"));
  for (const auto* early :
       {R"({"id":8,"op":"sub","keys":["system"]})", R"({"id":8,"op":"status"})"}) {
    const auto no = w.ask(early);
    CHECK(no["id"] == 8);
    CHECK(no["error"]["code"] == 4401);
    CHECK(no["error"]["name"] == "unauthorized");
  }
  CHECK(w.ask("nonsense")["error"]["code"] == 4400);
  CHECK(w.ask(auth("guess"))["error"]["code"] == 4401);
  CHECK(web.gateway.sessions().empty());
  const auto yes = w.ask(auth(key));
  CHECK(yes == json::parse(R"({"id":1,"ok":true,"op":"auth","scopes":"read"})"));
  REQUIRE(web.gateway.session(0));
  CHECK(w.ask(R"({"op":"status"})") == json::parse(R"({"op":"status"})"));
  // Once more, as another or the same, is not the session's business.
  CHECK(w.ask(auth(key))["ok"] == true);
  CHECK(w.ask(auth("guess"))["ok"] == false);
  CHECK(w.ask(R"({"op":"ping"})") == json::parse(R"({"op":"ping"})"));
  CHECK(web.gateway.session(0)->commands().size() == 2);
  w.close();
  CHECK(eventually([&] { return web.gateway.session(0)->closed == 1; }));
}

TEST_CASE_FIXTURE(guarded_server, "with the header a WebSocket is in at once, or out") {
  const auto key = add_key("desk");
  const auto only_replays = add_key("replays", 2);
  run();
  websocket w(port, "/v1/stream", "Authorization: Bearer " + key + "\r\n");
  CHECK(w.ask(R"({"op":"x"})") == json::parse(R"({"op":"x"})"));
  websocket wrong(port, "/v1/stream", "Authorization: Bearer guess\r\n");
  CHECK(wrong.close_code() == 4401);
  websocket in_address(port, "/v1/stream?key=" + key);
  CHECK(in_address.close_code() == 4401);
  websocket kite(port, "/kite/ws?api_key=a&access_token=" + key);
  CHECK(eventually([&] { return web.gateway.sessions().size() == 2; }));
  websocket scope(port, "/v1/stream", "Authorization: Bearer " + only_replays + "\r\n");
  CHECK(scope.close_code() == 4501);
  websocket afterwards(port);
  CHECK(afterwards.ask(auth(only_replays))["error"]["code"] == 4403);
}

TEST_CASE_FIXTURE(guarded_server, "on Kite's path the handshake itself is refused as Kite does") {
  options.max_sessions_per_key = 1;
  options.failures_per_minute = 4;
  const auto key = add_key("desk");
  const auto only_replays = add_key("replays", 2);
  run();
  const auto refused = [&](const std::string& query, int status, const std::string& type) {
    raw_client c(port);
    c.send(upgrade("/kite/ws" + query));
    const auto a = c.receive_answer();
    CHECK(a.status == status);
    CHECK(a.field("Content-Type") == "application/json");
    CHECK(a.field("Retry-After").empty() == (status == 403));
    const auto j = json::parse(a.body);
    CHECK(j["status"] == "error");
    CHECK(j["error_type"] == type);
    CHECK(a.body.find(key) == std::string::npos);
  };
  refused("", 403, "TokenException");
  refused("?api_key=a&access_token=", 403, "TokenException");
  refused("?api_key=" + key, 403, "TokenException");
  refused("?api_key=a&access_token=b", 403, "TokenException");
  refused("?api_key=a&access_token=" + only_replays, 403, "PermissionException");
  CHECK(web.gateway.sessions().empty());
  CHECK(web.value("artham_web_refused_total", "rejected") == 5);
  {
    websocket in(port, "/kite/ws?access_token=" + key + "&api_key=a");
    CHECK(in.ask(R"({"op":"auth","key":"x"})") == json::parse(R"({"op":"auth","key":"x"})"));
    refused("?api_key=a&access_token=" + key, 429, "NetworkException");
  }
  CHECK(eventually([&] {
    raw_client c(port);
    c.send(upgrade("/kite/ws?api_key=a&access_token=" + key));
    return c.receive_answer(false).status == 101;
  }));
  for (int i = 0; i < 4; ++i) {
    raw_client c(port);
    c.send(upgrade("/kite/ws?api_key=a&access_token=guess"));
    c.receive_answer();
  }
  refused("?api_key=a&access_token=guess", 429, "NetworkException");
}

TEST_CASE_FIXTURE(guarded_server, "who says nothing is closed") {
  options.auth_timeout = milliseconds(200);
  const auto key = add_key("desk");
  run();
  websocket in(port);
  CHECK(in.ask(auth(key))["ok"] == true);
  websocket silent(port);
  CHECK(silent.close_code() == 4401);
  websocket chatty(port);
  CHECK(chatty.ask(R"({"op":"ping"})")["ok"] == true);
  CHECK(chatty.close_code() == 4401);
  CHECK(in.ask(R"({"op":"x"})") == json::parse(R"({"op":"x"})"));
}

TEST_CASE_FIXTURE(guarded_server,
                  "what a key opened is closed when the key is revoked, and nothing else") {
  const auto key = add_key("desk");
  const auto other = add_key("other");
  run();
  websocket one(port, "/v1/stream", "Authorization: Bearer " + key + "\r\n");
  websocket two(port);
  REQUIRE(two.ask(auth(key))["ok"] == true);
  websocket third(port);
  REQUIRE(third.ask(auth(other))["ok"] == true);
  const auto began = std::chrono::steady_clock::now();
  revoke("desk");
  CHECK(one.close_code() == 4501);
  CHECK(two.close_code() == 4501);
  CHECK(std::chrono::steady_clock::now() - began < milliseconds(1000));
  CHECK(third.ask(R"({"op":"x"})") == json::parse(R"({"op":"x"})"));
  CHECK(eventually([&] { return web.gateway.session(0)->closed == 1; }));
}

TEST_CASE_FIXTURE(guarded_server,
                  "a ticket's WebSocket ends with it, unless it shows the next one") {
  add_user("anna", "correct horse");
  run();
  const auto l = log_in(*control, "anna", "correct horse");
  REQUIRE(l);
  websocket stays(port);
  REQUIRE(stays.ask(auth(l->ticket, "ticket"))["ok"] == true);
  const auto fresh = log_in(*control, "anna", "correct horse");
  REQUIRE(fresh);
  REQUIRE(stays.ask(auth(fresh->ticket, "ticket"))["ok"] == true);
  websocket goes(port);
  REQUIRE(goes.ask(auth(l->ticket, "ticket"))["ok"] == true);
  CHECK(post("/v1/logout", "", l->ticket).status == 204);
  CHECK(goes.close_code() == 4401);
  CHECK(stays.ask(R"({"op":"x"})") == json::parse(R"({"op":"x"})"));
}

TEST_CASE_FIXTURE(guarded_server, "so many WebSockets of a key") {
  options.max_sessions_per_key = 2;
  const auto key = add_key("desk");
  const auto other = add_key("other");
  run();
  const auto header = "Authorization: Bearer " + key + "\r\n";
  websocket one(port, "/v1/stream", header);
  auto two = std::make_unique<websocket>(port, "/v1/stream", header);
  CHECK(eventually([&] { return web.gateway.sessions().size() == 2; }));
  websocket three(port, "/v1/stream", header);
  CHECK(three.close_code() == 4429);
  websocket four(port);
  CHECK(four.ask(auth(key))["error"]["code"] == 4430);
  CHECK(four.close_code() == 4429);
  websocket another(port);
  CHECK(another.ask(auth(other))["ok"] == true);
  two.reset();
  CHECK(eventually([&] {
    websocket again(port);
    return again.ask(auth(key))["ok"] == true;
  }));
}

TEST_CASE_FIXTURE(guarded_server, "guessing on WebSockets ends them") {
  options.failures_per_minute = 3;
  add_key("desk");
  run();
  websocket w(port);
  for (int i = 0; i < 3; ++i) CHECK(w.ask(auth("guess"))["error"]["code"] == 4401);
  CHECK(w.ask(auth("guess"))["error"]["code"] == 4430);
  CHECK(w.close_code() == 4429);
}

TEST_CASE_FIXTURE(guarded_server,
                  "where all is open nothing changes, until the first key: then those without go") {
  options.mode = access_mode::automatic;
  run();
  CHECK(get("/v1/bars").status == 200);
  CHECK(get("/v1/bars", "whatever").status == 200);
  CHECK(get("/kite/quote", "any:thing", "token ").status == 200);
  CHECK(json::parse(get("/v1/session").body)["kind"] == "anybody");
  websocket w(port);
  CHECK(w.ask(R"({"op":"x"})") == json::parse(R"({"op":"x"})"));
  const auto key = add_key("desk");
  CHECK(w.close_code() == 4401);
  CHECK(get("/v1/bars").status == 401);
  CHECK(get("/v1/bars", key).status == 200);
}

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "tests/e2e/in_postgres.hpp"
#include "tests/support/eventually.hpp"
#include "tests/web/raw_client.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using artham::web::testing::raw_client;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// What asks a node, and the words that nobody may ever read anywhere.
struct visitor {
  std::uint16_t port;

  raw_client::answer get(const std::string& target, const std::string& key = "") const {
    raw_client c(port);
    return c.get(target, key.empty() ? "" : "Authorization: Bearer " + key + "\r\n");
  }
  raw_client::answer log_in(const std::string& user, const std::string& password) const {
    const auto body = json{{"user", user}, {"password", password}}.dump();
    raw_client c(port);
    c.send(
        "POST /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
    return c.receive_answer();
  }
  bool soon(const std::string& key, int status) const {
    return eventually([&] { return get("/v1/timeframes", key).status == status; }, seconds(1));
  }
};

std::string line_of(std::string text) {
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string add_key(std::vector<std::string> where, const std::string& name,
                    const std::string& scopes = "read") {
  where.insert(where.begin(), {"key", "add", name, "--scopes", scopes});
  const auto f = artham::test::artham(where);
  REQUIRE_MESSAGE(f.code == 0, f.err);
  const auto key = line_of(f.out);
  CHECK(key.starts_with("artham_"));
  CHECK(f.err.find(key) == std::string::npos);
  return key;
}

finished with_input(const std::string& input, const std::string& rest) {
  return run_to_end(
      {"/bin/sh", "-c", "printf '%s' '" + input + "' | '" + artham::test::program() + "' " + rest});
}

/// A key that is added, used by REST and by a WebSocket, and revoked under it.
void use_and_revoke(node& n, const std::vector<std::string>& where) {
  const visitor v{n.port()};
  CHECK(v.get("/v1/timeframes").status == 200);
  const auto key = add_key(where, "desk");
  CHECK(v.soon("", 401));
  CHECK(v.get("/v1/timeframes", key).status == 200);
  CHECK(v.get("/livez").status == 200);
  CHECK(v.get("/").status == 200);

  ws_client w(n.port());
  w.send(R"({"id":1,"op":"sub","keys":["system"]})");
  auto m = w.next();
  REQUIRE(m);
  CHECK((*m)["error"]["code"] == 4401);
  w.send(json{{"id", 2}, {"op", "auth"}, {"key", key}}.dump());
  m = w.next();
  REQUIRE(m);
  CHECK((*m)["ok"] == true);
  w.send(R"({"id":3,"op":"ping"})");
  m = w.next();
  REQUIRE(m);
  CHECK((*m)["op"] == "pong");

  auto revoke = where;
  revoke.insert(revoke.begin(), {"key", "revoke", "desk"});
  const auto done = artham::test::artham(revoke);
  const auto revoked = std::chrono::steady_clock::now();
  CHECK_MESSAGE(done.code == 0, done.err);
  while (w.next()) {
  }
  CHECK(w.close_code() == 4501);
  const auto took = std::chrono::steady_clock::now() - revoked;
  MESSAGE("closed after " << std::chrono::duration_cast<milliseconds>(took).count() << " ms");
  CHECK(took < seconds(1));
  CHECK(v.get("/v1/timeframes", key).status == 401);
  // The last key that goes does not open the door.
  CHECK(v.get("/v1/timeframes").status == 401);
}

}  // namespace

TEST_CASE("a key lets in while a node runs, and shuts out within a second") {
  const scratch dir;
  const auto data = dir / "data";
  node n(data);
  use_and_revoke(n, {"--data", data});
  CHECK(n.stop() == 0);
  node again(data);
  CHECK(visitor{again.port()}.get("/v1/timeframes").status == 401);
}

TEST_CASE("the same with the keys in PostgreSQL") {
  auto server = postgres_server::plain();
  database db{&server, "keys"};
  server.create_database(db.name);
  const scratch dir;
  node n(dir / "data", db.settings());
  use_and_revoke(n, {"--postgres", db.url()});
  CHECK(server.sql("SELECT what, outcome FROM artham.audit WHERE what LIKE 'key%' ORDER BY n",
                   db.name) == "key_added|ok\nkey_revoked|ok\n");
}

TEST_CASE("people log in for a ticket; guessing is slow, and is noted; no secret is written") {
  const scratch dir;
  const auto data = dir / "data";
  const std::string password = "correct horse battery";
  const auto added =
      with_input(password + "\n", "user add anna --data '" + data + "' --scopes read");
  REQUIRE_MESSAGE(added.code == 0, added.err);
  const auto key = add_key({"--data", data}, "desk");
  node n(data);
  const visitor v{n.port()};
  CHECK(v.get("/v1/timeframes").status == 401);
  auto a = v.log_in("anna", password);
  REQUIRE(a.status == 200);
  const std::string ticket = json::parse(a.body)["ticket"];
  CHECK(v.get("/v1/timeframes", ticket).status == 200);
  CHECK(json::parse(v.get("/v1/session", ticket).body)["name"] == "anna");
  ws_client w(n.port());
  w.send(json{{"id", 2}, {"op", "auth"}, {"ticket", ticket}}.dump());
  auto m = w.next();
  REQUIRE(m);
  CHECK((*m)["ok"] == true);

  int wrong = 0;
  int slowed = 0;
  for (int i = 0; i < 40; ++i) {
    const auto status = v.log_in("anna", "guess number " + std::to_string(i)).status;
    wrong += status == 401 ? 1 : 0;
    slowed += status == 429 ? 1 : 0;
  }
  CHECK(wrong == 10);
  CHECK(slowed == 30);
  CHECK(v.log_in("anna", password).status == 429);
  // Others behind the same address go on.
  CHECK(v.get("/v1/timeframes", key).status == 200);
  CHECK(v.get("/v1/timeframes", ticket).status == 200);
  CHECK(v.get("/v1/timeframes?api_key=" + key).status == 400);

  CHECK(artham::test::artham({"user", "remove", "anna", "--data", data}).code == 0);
  while (w.next()) {
  }
  CHECK(w.close_code() == 4501);

  const auto metrics = v.get("/metrics", key).body;
  CHECK(metrics.find("artham_access_refused_total{reason=\"throttled\"} 31") != std::string::npos);
  const auto status =
      run_to_end({"/usr/bin/env", "ARTHAM_KEY=" + key, artham::test::program(), "status", "--url",
                  "http://127.0.0.1:" + std::to_string(n.port())});
  CHECK_MESSAGE(status.code == 0, status.err);
  CHECK(artham::test::artham({"status", "--url", "http://127.0.0.1:" + std::to_string(n.port())})
            .code == 3);
  const auto log = n.process().errors();
  CHECK(log.find("user anna login") != std::string::npos);
  CHECK(n.stop() == 0);

  const auto list = artham::test::artham({"key", "list", "--json", "--data", data});
  CHECK(json::parse(list.out)[0]["used"].is_string());
  CHECK(sql(data, "SELECT count(*) FROM audit WHERE what = 'login' AND outcome = 'wrong'") ==
        "10\n");
  const auto stored = read_file(data + "/artham.db") + read_file(data + "/artham.db-wal");
  for (const auto* text : {&log, &metrics, &status.out, &list.out, &stored}) {
    CHECK(text->find(password) == std::string::npos);
    CHECK(text->find(key) == std::string::npos);
    CHECK(text->find(key.substr(key.rfind('_', 10) + 1)) == std::string::npos);
    CHECK(text->find(ticket) == std::string::npos);
    CHECK(text->find("guess number") == std::string::npos);
  }
}

TEST_CASE("what the commands refuse, and how they say it") {
  const scratch dir;
  const auto data = dir / "data";
  const auto says = [&](std::vector<std::string> args, const std::string& word) {
    args.insert(args.end(), {"--data", data});
    const auto f = artham::test::artham(args);
    INFO(f.out << f.err);
    CHECK(f.code == 2);
    CHECK(f.err.find(word) != std::string::npos);
  };
  says({"key", "add", "desk", "--scopes", "write"}, "'write' is no scope");
  says({"key", "add", "a b"}, "no name");
  says({"key", "revoke", "nobody"}, "artham key list");
  says({"user", "remove", "nobody"}, "artham user list");
  add_key({"--data", data}, "desk");
  says({"key", "add", "desk"}, "already");
  auto f = with_input("short\n", "user add anna --data '" + data + "'");
  CHECK(f.code == 2);
  CHECK(f.err.find("8 to 256") != std::string::npos);
  f = with_input("", "user add anna --data '" + data + "'");
  CHECK(f.code == 2);
  CHECK(f.err.find("standard input") != std::string::npos);
  f = artham::test::artham({"key", "list", "--data", data});
  CHECK(f.out.starts_with("1 desk read created "));
  f = artham::test::artham(
      {"key", "add", "more", "--scopes", "read,replay", "--json", "--data", data});
  const auto j = json::parse(f.out);
  CHECK(j["scopes"] == "read,replay");
  CHECK(j["key"].get<std::string>().starts_with("artham_2_"));
}

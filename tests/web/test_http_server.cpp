#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/web/server_fixture.hpp"

using namespace artham;
using namespace artham::web;
using namespace artham::web::testing;
using std::chrono::milliseconds;

TEST_CASE_FIXTURE(server_fixture, "requests are answered one after another on one connection") {
  raw_client c(start());
  CHECK(c.get("/one").body == "GET /one\n");
  const auto two = c.get("/two?x=1");
  CHECK(two.status == 200);
  CHECK(two.body == "GET /two\n");
  CHECK(two.field("X-Content-Type-Options") == "nosniff");
  CHECK(two.field("Cache-Control") == "no-store");
  c.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\nGET /b HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(c.receive_answer().body == "GET /a\n");
  CHECK(c.receive_answer().body == "GET /b\n");
  c.get("/last", "Connection: close\r\n");
  CHECK(c.ended());
}

TEST_CASE_FIXTURE(server_fixture, "HTTP/1.0 is answered and closed") {
  raw_client c(start());
  c.send("GET /old HTTP/1.0\r\n\r\n");
  CHECK(c.receive_answer().body == "GET /old\n");
  CHECK(c.ended());
}

TEST_CASE_FIXTURE(server_fixture, "HEAD has the length and no body") {
  raw_client c(start());
  c.send("HEAD /thing HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto a = c.receive_answer(false);
  CHECK(a.status == 200);
  CHECK(a.field("Content-Length") == "12");
  CHECK(c.get("/next").body == "GET /next\n");
}

TEST_CASE_FIXTURE(server_fixture, "what is no HTTP is told so and closed") {
  const auto port = start();
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", 22),
        std::string("GET\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nbad header\r\n\r\n")}) {
    raw_client c(port);
    c.send(bytes);
    const auto a = c.receive_answer();
    CHECK(a.status == 400);
    CHECK(a.field("Content-Type") == "application/problem+json");
    CHECK(c.ended());
  }
  CHECK(counted("bad_http"));
}

TEST_CASE_FIXTURE(server_fixture, "a target that cannot be decoded is 400") {
  raw_client c(start());
  CHECK(c.get("/%zz").status == 400);
}

TEST_CASE_FIXTURE(server_fixture,
                  "huge headers are 431 and huge bodies 413, and the answer arrives") {
  const auto port = start();
  {
    raw_client c(port);
    c.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(200'000, 'x'));
    CHECK(c.receive_answer().status == 431);
    CHECK(c.ended());
  }
  {
    raw_client c(port);
    c.send("GET /" + std::string(100'000, 'y'));
    CHECK(c.receive_answer().status == 431);
  }
  {
    raw_client c(port);
    c.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" +
           std::string(300'000, 'z'));
    CHECK(c.receive_answer().status == 413);
  }
  {
    raw_client c(port);
    c.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 10; ++i) c.send("2710\r\n" + std::string(10'000, 'z') + "\r\n");
    CHECK(c.receive_answer().status == 413);
  }
  CHECK(counted("header_too_large"));
  CHECK(counted("body_too_large"));
}

TEST_CASE_FIXTURE(server_fixture,
                  "a request that dribbles in is cut, and so is a silent connection") {
  options.handshake_timeout = milliseconds(150);
  options.idle_timeout = milliseconds(200);
  const auto port = start();
  raw_client slow(port);
  raw_client silent(port);
  raw_client kept(port);
  CHECK(kept.get("/").status == 200);
  slow.send("GET / HT");
  CHECK(slow.ended());
  CHECK(silent.ended());
  CHECK(kept.ended());
  CHECK(counted("slow_request"));
  CHECK(counted("idle"));
}

TEST_CASE_FIXTURE(server_fixture, "connections beyond the limit are turned away; room comes back") {
  options.max_connections = 2;
  const auto port = start();
  auto a = std::make_unique<raw_client>(port);
  raw_client b(port);
  for (auto* c : {a.get(), &b}) {
    c->send(upgrade_request());
    CHECK(c->receive_answer(false).status == 101);
  }
  raw_client c(port);
  const auto told = c.receive_answer();
  CHECK(told.status == 503);
  CHECK(told.body.find("web.max_connections") != std::string::npos);
  CHECK(counted("too_many_connections"));
  a.reset();
  CHECK(eventually([&] { return raw_client(port).get("/").status == 200; }));
}

TEST_CASE_FIXTURE(server_fixture,
                  "an answer may come later and from another thread; the first counts") {
  std::vector<std::thread> threads;
  handler = [&](const http_request& q, const responder& respond) {
    threads.emplace_back([respond, path = q.path] {
      std::this_thread::sleep_for(milliseconds(20));
      respond({200, "text/plain", "first" + path, {}});
      respond({200, "text/plain", "second", {}});
    });
  };
  raw_client c(start());
  CHECK(c.get("/x").body == "first/x");
  CHECK(c.get("/y").body == "first/y");
  running->stop();
  for (auto& t : threads) t.join();
}

TEST_CASE_FIXTURE(server_fixture, "no answer in time is 503, and late ones hurt nobody") {
  std::vector<responder> kept;
  handler = [&](const http_request& q, const responder& respond) {
    if (q.path == "/limited") respond.limit(milliseconds(20), "the tree did not come");
    kept.push_back(respond);
  };
  options.answer_timeout = milliseconds(60);
  raw_client c(start());
  const auto limited = c.get("/limited");
  CHECK(limited.status == 503);
  CHECK(nlohmann::json::parse(limited.body)["detail"] == "the tree did not come");
  CHECK(c.get("/never").status == 503);
  CHECK(counted("answer_timeout"));
  for (const auto& r : kept) r({200, "text/plain", "late", {}});
  running->stop();
  for (const auto& r : kept) r({200, "text/plain", "later still", {}});
  running.reset();
  for (const auto& r : kept) r({200, "text/plain", "too late", {}});
}

TEST_CASE_FIXTURE(server_fixture, "a route that throws is one failed request") {
  handler = [](const http_request&, const responder&) { throw std::runtime_error("bug"); };
  raw_client c(start());
  CHECK(c.get("/").status == 500);
  CHECK(c.get("/").status == 500);
}

TEST_CASE_FIXTURE(server_fixture, "a name that is not ours is refused on loopback") {
  raw_client c(start());
  c.send("GET / HTTP/1.1\r\nHost: evil.example:8080\r\n\r\n");
  CHECK(c.receive_answer().status == 421);
}

TEST_CASE_FIXTURE(server_fixture,
                  "a port in use and other places that cannot be served are clear errors") {
  const auto port = start();
  server_options other = options;
  other.port = port;
  const auto second = server::start(other, {handler, endpoints, &metrics});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::conflict);
  CHECK(second.error().message.find(std::to_string(port)) != std::string::npos);
  CHECK(second.error().message.find("web.port") != std::string::npos);

  other = options;
  other.address = "0.0.0.0";
  const auto open = server::start(other, {handler, endpoints, &metrics});
  REQUIRE_FALSE(open);
  CHECK(open.error().code == errc::usage);
  CHECK(open.error().message.find("--insecure-listen") != std::string::npos);
  other.insecure_listen = true;
  CHECK(server::start(other, {handler, endpoints, &metrics}));

  other.address = "example.com";
  CHECK(server::start(other, {handler, endpoints, &metrics}).error().code == errc::usage);
  other.address = "192.0.2.1";  // TEST-NET: not an address of this machine
  CHECK(server::start(other, {handler, endpoints, &metrics}).error().code == errc::io);
}

TEST_CASE_FIXTURE(server_fixture, "stop ends everything at any moment, and again") {
  options.close_timeout = milliseconds(100);
  std::vector<responder> kept;
  handler = [&](const http_request& q, const responder& respond) {
    if (q.path == "/wait") return kept.push_back(respond);
    respond({200, "text/plain", std::string(8 << 20, 'x'), {}});
  };
  const auto port = start();
  raw_client idle(port);
  raw_client half(port);
  half.send("GET / HT");
  raw_client waiting(port);
  waiting.send("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  raw_client unread(port, 4096);
  unread.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  raw_client done(port);
  CHECK(done.get("/big").status == 200);
  CHECK(eventually([&] { return value("artham_web_connections") == 5; }));
  const auto before = std::chrono::steady_clock::now();
  running->stop();
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(3));
  running->stop();
  CHECK(value("artham_web_connections") == 0);
  CHECK(waiting.ended());
  CHECK_FALSE(raw_client(port).connected());
}

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <boost/asio/ip/address.hpp>

#include "tests/web/server_fixture.hpp"
#include "web/server/address_counts.hpp"

using namespace artham;
using namespace artham::web;
using namespace artham::web::testing;
using std::chrono::milliseconds;

TEST_CASE("connections are counted by address, IPv6 by its network") {
  const auto counts = std::make_shared<address_counts>();
  const auto admit = [&](const char* text, std::size_t limit) {
    return counts->admit(boost::asio::ip::make_address(text), limit);
  };
  auto a = admit("192.0.2.1", 2);
  const auto b = admit("::ffff:192.0.2.1", 2);
  CHECK(a);
  CHECK(b);
  CHECK_FALSE(admit("192.0.2.1", 2));
  CHECK(admit("192.0.2.2", 2));
  a.reset();
  CHECK(admit("192.0.2.1", 2));
  const auto c = admit("2001:db8:1:2::1", 1);
  CHECK_FALSE(admit("2001:db8:1:2:ffff::9", 1));
  CHECK(admit("2001:db8:1:3::1", 1));
  CHECK(admit("192.0.2.1", 0));
  CHECK(counts->size() == 2);
}

TEST_CASE_FIXTURE(server_fixture, "an address has so many connections, WebSockets included") {
  options.max_per_address = 2;
  const auto port = start();
  raw_client first(port);
  first.send(upgrade_request());
  CHECK(first.receive_answer(false).status == 101);
  raw_client second(port);
  CHECK(second.get("/").status == 200);
  {
    raw_client third(port);
    const auto told = third.receive_answer();
    CHECK(told.status == 429);
    CHECK(told.body.find("web.max_per_address") != std::string::npos);
  }
  CHECK(counted("too_many_of_address"));
  first.close();
  CHECK(eventually([&] { return raw_client(port).get("/").status == 200; }));
}

TEST_CASE_FIXTURE(server_fixture, "a connection has so many requests") {
  options.max_requests = 3;
  raw_client c(start());
  CHECK(c.get("/").field("Connection").empty());
  CHECK(c.get("/").status == 200);
  const auto last = c.get("/");
  CHECK(last.status == 200);
  CHECK(last.field("Connection") == "close");
  CHECK(c.ended());
  CHECK(counted("request_limit"));
}

TEST_CASE_FIXTURE(server_fixture,
                  "of half-open connections the oldest gives way, at the limit of all too") {
  options.max_half_open = 2;
  options.max_connections = 4;
  const auto port = start();
  raw_client oldest(port);
  oldest.send("GET / HTTP/1.1\r\nX: ");
  CHECK(eventually([&] { return value("artham_web_half_open") == 1; }));
  raw_client old(port);
  CHECK(eventually([&] { return value("artham_web_half_open") == 2; }));
  raw_client live(port);
  live.send(upgrade_request());
  CHECK(live.receive_answer(false).status == 101);
  CHECK(oldest.ended());
  CHECK(counted("half_open"));
  raw_client also(port);
  also.send(upgrade_request());
  CHECK(also.receive_answer(false).status == 101);
  CHECK(value("artham_web_half_open") <= 2);
  // Two live, two in waiting: whoever comes now takes the place of one in waiting.
  raw_client request(port);
  CHECK(request.get("/").status == 200);
  live.send(client_frame(0x81, "still there"));
  CHECK(receive_frame(live).payload == "still there");
}

TEST_CASE_FIXTURE(server_fixture, "4,000 half-open connections do not disturb live clients") {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 20'000);
  setrlimit(RLIMIT_NOFILE, &files);
  REQUIRE(files.rlim_cur > 6'000);
  options.max_connections = 1'500;
  options.max_sessions = 1'000;
  const auto port = start();
  raw_client live(port);
  live.send(upgrade_request());
  REQUIRE(live.receive_answer(false).status == 101);
  std::vector<std::unique_ptr<raw_client>> attackers;
  milliseconds slowest{0};
  for (int i = 0; i < 4'000; ++i) {
    attackers.push_back(std::make_unique<raw_client>(port));
    attackers.back()->send(i % 2 == 0 ? "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
                                      : "POST /bars HTTP/1.1\r\nHost: localhost\r\n"
                                        "Content-Length: 1000\r\n\r\nx");
    if (i % 100 != 99) continue;
    const auto asked = std::chrono::steady_clock::now();
    live.send(client_frame(0x81, std::to_string(i)));
    CHECK(receive_frame(live).payload == std::to_string(i));
    raw_client another(port);
    another.send(upgrade_request());
    CHECK(another.receive_answer(false).status == 101);
    CHECK(raw_client(port).get("/").status == 200);
    slowest = std::max(slowest, std::chrono::duration_cast<milliseconds>(
                                    std::chrono::steady_clock::now() - asked));
  }
  CHECK(value("artham_web_refused_total", "half_open") >= 4'000 - 256);
  CHECK(value("artham_web_half_open") <= 256);
  CHECK(slowest < milliseconds(2'000));
  MESSAGE("slowest of a message, a WebSocket and a request together: " << slowest.count() << " ms");
}

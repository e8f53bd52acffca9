#include <doctest/doctest.h>

#include "web/server/handshake.hpp"
#include "web/server/utf8.hpp"

using namespace artham::web;

TEST_CASE("the accept value is RFC 6455's own example") {
  CHECK(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK_FALSE(websocket_accept(""));
  CHECK_FALSE(websocket_accept("dGhlIHNhbXBsZSBub25jZQ"));
  CHECK_FALSE(websocket_accept("dGhlIHNhbXBsZSBub2*jZQ=="));
}

TEST_CASE("tokens of a list are found whatever the case") {
  CHECK(has_token("keep-alive, Upgrade", "upgrade"));
  CHECK(has_token("Upgrade", "upgrade"));
  CHECK_FALSE(has_token("upgrades", "upgrade"));
  CHECK_FALSE(has_token("", "upgrade"));
}

TEST_CASE("of the subprotocols offered, the gateway's first is chosen") {
  const std::vector<artham::messages::subprotocol> spoken{{"a.bin", true}, {"a.json", false}};
  CHECK(choose_subprotocol({"a.json, a.bin"}, spoken)->name == "a.bin");
  CHECK(choose_subprotocol({"x", "y, a.json"}, spoken)->name == "a.json");
  CHECK_FALSE(choose_subprotocol({"a.jsonx"}, spoken));
  CHECK_FALSE(choose_subprotocol({}, spoken));
}

TEST_CASE("a path fits a pattern segment by segment") {
  CHECK(path_fits("/v1/stream", "/v1/stream"));
  CHECK(path_fits("/kite/replay/{id}/ws", "/kite/replay/r-1/ws"));
  for (const char* bad : {"/v1/stream/", "/v1", "/", "", "/v1/streams", "v1/stream", "//v1/stream"})
    CHECK_FALSE(path_fits("/v1/stream", bad));
  for (const char* bad :
       {"/kite/replay//ws", "/kite/replay/a/b/ws", "/kite/replay/a/", "/kite/replay/a"})
    CHECK_FALSE(path_fits("/kite/replay/{id}/ws", bad));
}

TEST_CASE("only own and allowed origins may open WebSockets") {
  CHECK(origin_allowed("", "localhost:8080", false, {}));
  CHECK(origin_allowed("http://localhost:8080", "localhost:8080", false, {}));
  CHECK(origin_allowed("https://desk.example", "desk.example", false, {}));
  CHECK(origin_allowed("http://127.0.0.1:5173", "localhost:8080", false, {}));
  CHECK(origin_allowed("http://[::1]:5173", "localhost:8080", false, {}));
  for (const char* bad :
       {"null", "https://evil.example", "https://localhost.evil.example",
        "https://evil.example/localhost", "localhost", "http://", "://localhost@evil.example"}) {
    CAPTURE(bad);
    CHECK_FALSE(origin_allowed(bad, "localhost:8080", false, {}));
  }
  const std::vector<std::string> good{"https://good.example"};
  CHECK(origin_allowed("https://good.example", "localhost:8080", false, good));
  for (const char* bad :
       {"https://evil.example", "http://good.example", "https://good.example:444",
        "https://good.example.evil", "https://www.good.example", "http://localhost:8081"})
    CHECK_FALSE(origin_allowed(bad, "localhost:8080", false, good));
  CHECK(origin_allowed("https://desk.example", "desk.example", true, good));
  CHECK_FALSE(origin_allowed("http://desk.example", "desk.example", true, good));
}

TEST_CASE("on loopback only loopback names are served") {
  for (const char* good : {"", "localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:80",
                           "127.8.8.8", "[::1]:8080", "[::1]"}) {
    CAPTURE(good);
    CHECK(host_allowed(good, {}));
  }
  for (const char* bad : {"evil.example", "evil.example:8080", "10.0.0.1", "localhost.evil.example",
                          "127.0.0.1.evil.example", "[::2]", "["}) {
    CAPTURE(bad);
    CHECK_FALSE(host_allowed(bad, {}));
  }
  CHECK(host_allowed("desk.example:8080", {"desk.example"}));
}

TEST_CASE("UTF-8 is checked to the letter") {
  for (const char* good : {"", "plain", "\xe2\x82\xb9 rupee", "\xf0\x9f\x93\x88", "\xed\x9f\xbf",
                           "\xf4\x8f\xbf\xbf", "\xc2\x80"}) {
    CAPTURE(good);
    CHECK(is_utf8(good));
  }
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xe2\x82", "\xff", "\xe2\x28\xa1"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
}

// The web server under what any client may send it: RFC 6455 and RFC 7692, case by case, cut into
// pieces of several sizes.
#include <doctest/doctest.h>

#include "runtime/metrics.hpp"
#include "tests/conformance/websocket_cases.hpp"
#include "tests/conformance/wire.hpp"
#include "tests/web/raw_client.hpp"
#include "web/server/server.hpp"

using namespace artham;
using conformance::websocket_case;
using web::testing::raw_client;

namespace {

class echo final : public messages::gateway {
 public:
  [[nodiscard]] std::vector<messages::subprotocol> subprotocols() const override {
    return {{"echo.text", false}, {"echo.binary", true}};
  }
  void open(std::shared_ptr<messages::client> c, messages::opening,
            std::function<void(result<std::shared_ptr<messages::session>>)> done) override {
    done(std::shared_ptr<messages::session>(std::make_shared<session>(std::move(c))));
  }

 private:
  struct session final : messages::session {
    explicit session(std::shared_ptr<messages::client> c) : client(std::move(c)) {}
    void on_command(std::string text) override {
      client->send(std::make_shared<const std::string>(std::move(text)));
      client->next_command();
    }
    void on_binary_command(std::string bytes) override {
      client->send_binary(std::make_shared<const std::string>(std::move(bytes)));
      client->next_command();
    }
    void on_drained() override {}
    void on_closed() override { client.reset(); }
    std::shared_ptr<messages::client> client;
  };
};

struct echo_server {
  explicit echo_server(bool compression) {
    web::server_options o;
    o.port = 0;
    o.compression = compression;
    o.max_message_bytes = conformance::largest;
    o.close_timeout = std::chrono::milliseconds(500);
    auto started =
        web::server::start(o, {[](const web::http_request&, const web::responder& respond) {
                                 respond({404, "text/plain", "", {}});
                               },
                               {{"/echo", &gateway}},
                               &metrics});
    REQUIRE(started);
    server = std::move(*started);
  }
  echo gateway;
  runtime::metrics metrics;
  std::unique_ptr<web::server> server;
};

std::string request(const std::string& fields, const std::string& line = "GET /echo HTTP/1.1") {
  return line + "\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + fields +
         "\r\n";
}

struct outcome {
  std::vector<websocket_case::reply> replies;
  std::string last_pong;
  int close = 0;
  bool ended = false;
  bool well_formed = true;
};

outcome converse(std::uint16_t port, const websocket_case& c, std::size_t piece) {
  using dialect = websocket_case::dialect;
  raw_client client(port);
  client.no_delay();
  client.send(request(c.spoken == dialect::text ? ""
                                                : "Sec-WebSocket-Protocol: echo.binary\r\n" +
                                                      std::string(c.spoken == dialect::deflate
                                                                      ? "Sec-WebSocket-Extensions: "
                                                                        "permessage-deflate\r\n"
                                                                      : "")));
  outcome o;
  if (client.receive_answer(false).status != 101) return o;
  std::string bytes = c.bytes;
  if (c.close == 0) bytes += conformance::frame(0x88, conformance::close_payload(1000));
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    if (!client.send(std::string_view(bytes).substr(at, piece))) break;
  for (;;) {
    const auto head = client.receive(2);
    if (head.size() < 2) break;
    const auto first = static_cast<std::uint8_t>(head[0]);
    std::uint64_t size = static_cast<std::uint8_t>(head[1]);
    // Masked or fragmented it must not be.
    o.well_formed = o.well_formed && size < 128 && (first & 0xb0) == 0x80 &&
                    ((first & 0x40) == 0 || c.spoken == dialect::deflate);
    if (size >= 126) {
      const auto length = client.receive(size == 126 ? 2 : 8);
      size = 0;
      for (const char b : length) size = size << 8 | static_cast<std::uint8_t>(b);
    }
    std::string payload = client.receive(size);
    if ((first & 0x40) != 0) {
      auto plain = conformance::unpacked(payload);
      o.well_formed = o.well_formed && plain;
      payload = plain.value_or("");
    }
    const unsigned opcode = first & 0x0f;
    if (opcode == 8) {
      if (payload.size() >= 2)
        o.close =
            static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]);
      // What follows a close would be seen here.
      if (c.close != 0) client.send(conformance::frame(0x88, payload));
    } else if (opcode == 10) {
      o.last_pong = payload;
    } else {
      o.replies.push_back({static_cast<std::uint8_t>(opcode), payload});
    }
  }
  o.ended = client.ended();
  return o;
}

void run(std::uint16_t port, const std::vector<websocket_case>& cases) {
  for (const auto& c : cases) {
    // Of a few pings at once the last one is answered (RFC 6455, 5.5.3).
    std::vector<websocket_case::reply> expected;
    std::string pong;
    for (const auto& r : c.replies)
      if (r.opcode == 10)
        pong = r.payload;
      else
        expected.push_back(r);
    for (const std::size_t piece :
         {std::size_t{1} << 20, std::size_t{1}, std::size_t{7}, std::size_t{1'021}}) {
      if (c.bytes.size() / piece > 3'000) continue;
      CAPTURE(c.name);
      CAPTURE(piece);
      const auto o = converse(port, c, piece);
      CHECK(o.well_formed);
      CHECK(o.close == (c.close == 0 ? 1000 : c.close));
      CHECK((o.replies == expected));
      CHECK(o.last_pong == pong);
      CHECK(o.ended);
    }
  }
}

}  // namespace

TEST_CASE("frames, messages and closes by RFC 6455") {
  const auto cases = conformance::framing_cases();
  MESSAGE(cases.size() << " cases");
  for (const bool compression : {false, true}) {
    const echo_server s(compression);
    run(s.server->port(), cases);
  }
}

TEST_CASE("packed messages by RFC 7692") {
  const auto cases = conformance::deflate_cases();
  MESSAGE(cases.size() << " cases");
  const echo_server s(true);
  run(s.server->port(), cases);
}

TEST_CASE("what is agreed on of packing") {
  const echo_server on(true);
  const echo_server off(false);
  const std::string agreed =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  const struct {
    const char* offer;
    bool taken;
  } table[] = {
      {"permessage-deflate", true},
      {"permessage-deflate; client_max_window_bits", true},
      {"permessage-deflate;client_max_window_bits=8", true},
      {"permessage-deflate; client_max_window_bits=\"15\"", true},
      {"permessage-deflate; server_max_window_bits=15", true},
      {"permessage-deflate; server_no_context_takeover; client_no_context_takeover", true},
      {"x-other, permessage-deflate", true},
      {"permessage-deflate; server_max_window_bits=9, permessage-deflate", true},
      {"permessage-deflate; server_max_window_bits=9", false},
      {"permessage-deflate; server_max_window_bits", false},
      {"permessage-deflate; client_max_window_bits=16", false},
      {"permessage-deflate; client_max_window_bits=7", false},
      {"permessage-deflate; client_max_window_bits=08", false},
      {"permessage-deflate; client_max_window_bits=", false},
      {"permessage-deflate; server_no_context_takeover=1", false},
      {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", false},
      {"permessage-deflate; what", false},
      {"permessage-deflate-2", false},
      {"x-webkit-deflate-frame", false},
      {"", false},
      {",;,=,", false},
  };
  for (const auto& row : table) {
    CAPTURE(row.offer);
    const auto fields = "Sec-WebSocket-Extensions: " + std::string(row.offer) + "\r\n";
    raw_client c(on.server->port());
    c.send(request(fields));
    const auto answer = c.receive_answer(false);
    CHECK(answer.status == 101);
    CHECK(answer.field("Sec-WebSocket-Extensions") == (row.taken ? agreed : ""));
    raw_client d(off.server->port());
    d.send(request(fields));
    CHECK(d.receive_answer(false).field("Sec-WebSocket-Extensions").empty());
  }
}

TEST_CASE("handshakes") {
  const echo_server s(false);
  const std::string good = request("");
  const auto with = [&](std::string_view from, std::string_view to) {
    auto text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  const struct {
    const char* name;
    std::string bytes;
    int status;
  } table[] = {
      {"as it should be", good, 101},
      {"lower case", with("Upgrade: websocket", "upgrade: WebSocket"), 101},
      {"among others", with("Connection: Upgrade", "Connection: keep-alive,  upgrade"), 101},
      {"with a query", with("/echo", "/echo?a=b"), 101},
      {"by POST", with("GET", "POST"), 405},
      {"by HTTP/1.0", with("HTTP/1.1", "HTTP/1.0"), 426},
      {"no upgrade", with("Upgrade: websocket\r\n", ""), 426},
      {"another upgrade", with("Upgrade: websocket", "Upgrade: h2c"), 426},
      {"no connection", with("Connection: Upgrade\r\n", ""), 426},
      {"no version", with("Sec-WebSocket-Version: 13\r\n", ""), 426},
      {"version 8", with("Version: 13", "Version: 8"), 426},
      {"no key", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400},
      {"a short key", with("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ=="), 400},
      {"a key of other letters", with("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ!=="), 400},
      {"a foreign page", request("Origin: https://evil.example\r\n"), 403},
      {"no page", request("Origin: null\r\n"), 403},
      {"another path", with("/echo", "/echos"), 404},
      {"a path that climbs", with("/echo", "/x/../echo"), 404},
      {"a path that climbs, encoded", with("/echo", "/%2e%2e/echo"), 404},
      {"a path with a NUL", with("/echo", "/echo%00"), 400},
  };
  for (const auto& row : table) {
    CAPTURE(row.name);
    for (const std::size_t piece : {std::size_t{1'000}, std::size_t{1}}) {
      raw_client c(s.server->port());
      c.no_delay();
      for (std::size_t at = 0; at < row.bytes.size(); at += piece)
        c.send(std::string_view(row.bytes).substr(at, piece));
      const auto answer = c.receive_answer(false);
      CHECK(answer.status == row.status);
      if (row.status == 101)
        CHECK(answer.field("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
  }
}

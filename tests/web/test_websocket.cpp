#include <doctest/doctest.h>

#include <boost/asio/connect.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include "messages/protocol/frame.hpp"
#include "tests/web/server_fixture.hpp"
#include "web/server/frame_parser.hpp"

using namespace artham;
using namespace artham::web;
using namespace artham::web::testing;
using std::chrono::milliseconds;
namespace beast = boost::beast;
namespace asio = boost::asio;

namespace {

constexpr std::uint8_t fin = 0x80;

/// Beast's client: an implementation that is not ours.
class beast_client {
 public:
  explicit beast_client(std::uint16_t port, std::string subprotocol = "") {
    beast::get_lowest_layer(stream_).connect({asio::ip::address_v4::loopback(), port});
    if (!subprotocol.empty())
      stream_.set_option(beast::websocket::stream_base::decorator(
          [subprotocol](beast::websocket::request_type& r) {
            r.set(beast::http::field::sec_websocket_protocol, subprotocol);
          }));
    stream_.handshake(response_, "localhost", "/v1/stream");
  }
  void write(std::string_view text) { stream_.write(asio::buffer(text)); }
  std::string read() {
    beast::flat_buffer buffer;
    boost::system::error_code ec;
    stream_.read(buffer, ec);
    if (ec) return "error: " + ec.message();
    return beast::buffers_to_string(buffer.data());
  }
  std::string subprotocol() {
    return std::string(response_[beast::http::field::sec_websocket_protocol]);
  }

  asio::io_context io_;
  beast::websocket::stream<beast::tcp_stream, false> stream_{io_};
  beast::websocket::response_type response_;
};

struct raw_websocket : raw_client {
  explicit raw_websocket(std::uint16_t port, int receive_buffer = 0)
      : raw_client(port, receive_buffer) {
    send(upgrade_request());
    upgraded = receive_answer(false).status == 101;
  }
  /// Skips text until the close frame; its code, or 0 when the stream ended without one.
  int close_code() {
    while (true) {
      const auto f = receive_frame(*this);
      if (f.opcode == 8) return f.close_code();
      if (f.opcode == 0xff) return 0;
    }
  }
  bool upgraded = false;
};

}  // namespace

TEST_CASE_FIXTURE(server_fixture,
                  "a client talks to its session, with the subprotocol or without") {
  const auto port = start();
  beast_client plain(port);
  CHECK(plain.subprotocol().empty());
  plain.write("hello");
  CHECK(plain.read() == "hello");
  beast_client c(port, "artham.v1.xml, artham.v1.json");
  CHECK(c.subprotocol() == "artham.v1.json");
  for (const std::size_t n : {0, 1, 125, 126, 127, 4000, 65'535, 65'536}) {
    const std::string text(n, 'x');
    c.write(text);
    CHECK(c.read() == text);
  }
  CHECK(beast_client(port, "other.protocol").subprotocol().empty());
  CHECK(gateway.session(0)->client->address().starts_with("127.0.0.1:"));
  CHECK(value("artham_web_sessions") >= 2);
}

TEST_CASE_FIXTURE(server_fixture, "binary messages go both ways where the subprotocol has them") {
  gateway.answer = [](fake_session& s, const std::string& text) {
    s.send_binary(text);
    s.client->next_command();
  };
  const auto port = start();
  beast_client c(port, "artham.v1.bin");
  CHECK(c.subprotocol() == "artham.v1.bin");
  c.stream_.binary(true);
  c.write(std::string_view("\xff\0", 2));
  CHECK(c.read() == std::string("binary:\xff\0", 9));
  CHECK(c.stream_.got_binary());
  c.stream_.binary(false);
  c.write("text");
  CHECK(c.read() == "text");
  raw_websocket plain(port);
  plain.send(client_frame(fin | 2, "binary"));
  CHECK(plain.close_code() == 1003);
}

TEST_CASE_FIXTURE(server_fixture, "each path has its gateway, which learns how it was opened") {
  fake_gateway kite;
  kite.spoken = {};
  endpoints.push_back({"/kite/replay/{id}/ws", &kite});
  const auto port = start();
  raw_client c(port);
  c.send(
      "GET /kite/replay/r%201/ws?api_key=k&access_token=a%2Bb&api_key=2 HTTP/1.1\r\nHost: "
      "localhost\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer x\r\n"
      "Origin: http://localhost\r\nSec-WebSocket-Protocol: artham.v1.json\r\n\r\n");
  const auto answer = c.receive_answer(false);
  CHECK(answer.status == 101);
  CHECK(answer.field("Sec-WebSocket-Protocol").empty());
  const auto& how = kite.session(0)->how;
  CHECK(how.path == "/kite/replay/r 1/ws");
  CHECK(*how.parameter("api_key") == "k");
  CHECK(*how.parameter("access_token") == "a+b");
  CHECK(how.parameter("token") == nullptr);
  CHECK(how.authorization.reveal() == "Bearer x");
  CHECK(how.origin == "http://localhost");
  CHECK(how.subprotocol.empty());
  CHECK(how.address.starts_with("127.0.0.1:"));
  CHECK_FALSE(how.encrypted);
  CHECK(gateway.sessions().empty());
  beast_client other(port, "artham.v1.json");
  CHECK(gateway.session(0)->how.path == "/v1/stream");
  CHECK(gateway.session(0)->how.subprotocol == "artham.v1.json");
  raw_client none(port);
  CHECK(none.get("/kite/replay/r/x/ws").status == 200);  // the routes'
}

TEST_CASE_FIXTURE(server_fixture, "fragments and pings between them arrive as one message") {
  raw_websocket c(start());
  CHECK(c.upgraded);
  c.send(client_frame(1, "frag") + client_frame(fin | 9, "are you there") + client_frame(0, "men") +
         client_frame(fin | 0, "ted"));
  const auto pong = receive_frame(c);
  CHECK(pong.opcode == 10);
  CHECK(pong.payload == "are you there");
  const auto text = receive_frame(c);
  CHECK(text.opcode == 1);
  CHECK(text.payload == "fragmented");
}

TEST_CASE_FIXTURE(server_fixture, "a command that came with the handshake is not lost") {
  raw_client c(start());
  c.send(upgrade_request() + client_frame(fin | 1, "early"));
  CHECK(c.receive_answer(false).status == 101);
  CHECK(receive_frame(c).payload == "early");
}

TEST_CASE_FIXTURE(server_fixture, "the next command is read only when the session asks for it") {
  gateway.answer = [](fake_session&, const std::string&) {};
  raw_websocket c(start());
  c.send(client_frame(fin | 1, "one") + client_frame(fin | 1, "two"));
  const auto session = gateway.session(0);
  CHECK(eventually([&] { return session->commands().size() == 1; }));
  std::this_thread::sleep_for(milliseconds(20));
  CHECK(session->commands().size() == 1);
  session->client->next_command();
  CHECK(eventually([&] { return session->commands().size() == 2; }));
  CHECK(session->commands()[1] == "two");
}

TEST_CASE_FIXTURE(server_fixture,
                  "what breaks the protocol ends that session with the code that says why") {
  const auto port = start();
  beast_client bystander(port);
  const std::pair<std::string, int> cases[] = {
      {client_frame(fin | 2, "binary"), close_code::not_text},
      {client_frame(fin | 1, std::string(70'000, 'x')), close_code::too_big},
      {client_frame(fin | 1, "\xc3\x28"), close_code::bad_utf8},
      {std::string("\x81\x02hi", 4), close_code::protocol_error},
      {std::string(2000, '\xff'), close_code::protocol_error},
      {client_frame(fin | 1, "ok") + client_frame(fin | 0, "loose"), close_code::protocol_error},
  };
  std::size_t i = 1;
  for (const auto& [bytes, code] : cases) {
    CAPTURE(code);
    raw_websocket c(port);
    c.send(bytes);
    CHECK(c.close_code() == code);
    CHECK(c.ended());
    const auto session = gateway.session(i++);
    c.close();
    CHECK(eventually([&] { return session->closed == 1; }));
  }
  bystander.write("still here");
  CHECK(bystander.read() == "still here");
  CHECK(counted("websocket_1009"));
}

TEST_CASE_FIXTURE(server_fixture, "a client's close is answered, and the session told once") {
  const auto port = start();
  raw_websocket c(port);
  c.send(client_frame(fin | 8, "\x03\xe9"));
  CHECK(c.close_code() == 1001);
  CHECK(c.ended());
  const auto session = gateway.session(0);
  CHECK(eventually([&] { return session->closed == 1; }));
  CHECK_FALSE(session->send("too late"));
  session->client->close(4000, "too late as well");
  session->client->next_command();

  beast_client other(port);
  other.stream_.close(beast::websocket::close_code::normal);
  const auto second = gateway.session(1);
  CHECK(eventually([&] { return second->closed == 1; }));
  CHECK(session->closed == 1);
  CHECK(eventually([&] { return value("artham_web_sessions") == 0; }));
}

TEST_CASE_FIXTURE(server_fixture, "a vanished client is noticed, with a command in hand too") {
  gateway.answer = [](fake_session&, const std::string&) {};
  const auto port = start();
  auto quiet = std::make_unique<raw_websocket>(port);
  auto busy = std::make_unique<raw_websocket>(port);
  busy->send(client_frame(fin | 1, "never answered"));
  const auto first = gateway.session(0);
  const auto second = gateway.session(1);
  CHECK(eventually([&] { return second->commands().size() == 1; }));
  quiet.reset();
  busy.reset();
  CHECK(eventually([&] { return first->closed == 1; }));
  second->send("the write finds out");
  CHECK(eventually([&] {
    second->send("or the next one");
    return second->closed == 1;
  }));
}

TEST_CASE_FIXTURE(server_fixture, "a session closes after what it queued") {
  gateway.answer = [](fake_session& s, const std::string&) {
    for (int i = 0; i < 100; ++i) s.send(std::to_string(i));
    s.client->close(4008, "too slow");
    CHECK_FALSE(s.send("after"));
  };
  raw_websocket c(start());
  c.send(client_frame(fin | 1, "go"));
  for (int i = 0; i < 100; ++i) CHECK(receive_frame(c).payload == std::to_string(i));
  const auto last = receive_frame(c);
  CHECK(last.close_code() == 4008);
  CHECK(last.payload.substr(2) == "too slow");
  c.send(client_frame(fin | 8, last.payload));
  CHECK(c.ended());
}

TEST_CASE_FIXTURE(server_fixture, "messages of any size keep their order and their bytes") {
  gateway.answer = [](fake_session& s, const std::string&) {
    for (std::size_t i = 0; i < 400; ++i)
      s.send(std::string(i * i % 40'000, static_cast<char>('a' + i % 26)));
  };
  options.session_budget_bytes = 64 << 20;
  beast_client c(start());
  c.stream_.read_message_max(1 << 20);
  c.write("go");
  for (std::size_t i = 0; i < 400; ++i)
    REQUIRE(c.read() == std::string(i * i % 40'000, static_cast<char>('a' + i % 26)));
}

TEST_CASE_FIXTURE(server_fixture,
                  "what the socket took in part stays whole, whatever is said meanwhile") {
  options.session_budget_bytes = 16 << 20;
  raw_websocket c(start(), 4096);
  const auto session = gateway.session(0);
  const std::string large(4'000'000, 'x');
  CHECK(session->send(large));
  CHECK(session->send("waits"));
  SUBCASE("a pong stands between messages") {
    c.send(client_frame(fin | 9, "there?"));
    CHECK(receive_frame(c).payload == large);
    auto next = receive_frame(c);
    const bool pong_first = next.opcode == 10;
    CHECK(next.payload == (pong_first ? "there?" : "waits"));
    next = receive_frame(c);
    CHECK(next.payload == (pong_first ? "waits" : "there?"));
  }
  SUBCASE("a close stands behind it") {
    c.send(client_frame(fin | 3, "no such opcode"));
    CHECK(eventually([&] { return value("artham_web_refused_total", "websocket_1002") == 1; }));
    CHECK(receive_frame(c).payload == large);
    CHECK(c.close_code() == 1002);
  }
}

TEST_CASE_FIXTURE(server_fixture,
                  "who never reads fills its own budget; others go on; room is told once") {
  gateway.answer = [](fake_session& s, const std::string& text) {
    s.send(text);
    s.client->next_command();
  };
  options.session_budget_bytes = 1 << 20;
  const auto port = start();
  raw_websocket lazy(port, 4096);
  const auto session = gateway.session(0);
  beast_client bystander(port);
  std::size_t taken = 0;
  CHECK(eventually([&] {
    for (int i = 0; i < 1000; ++i) {
      if (!session->send(std::string(1000, 'x'))) return true;
      ++taken;
    }
    return false;
  }));
  // The budget, and what the two kernels buffer.
  CHECK(taken * 1000 > (1 << 20) - 40'000);
  CHECK(taken * 1000 < 4 << 20);
  CHECK_FALSE(session->send(std::string(1000, 'x')));
  CHECK(session->drained == 0);
  for (int i = 0; i < 100; ++i) {
    bystander.write("ping");
    CHECK(bystander.read() == "ping");
  }
  for (std::size_t i = 0; i < taken; ++i) REQUIRE(receive_frame(lazy).payload.size() == 1000);
  CHECK(eventually([&] { return session->drained == 1; }));
  CHECK(session->send("again"));
  CHECK(receive_frame(lazy).payload == "again");
  CHECK(session->drained == 1);
}

TEST_CASE_FIXTURE(server_fixture, "a message larger than the budget goes alone") {
  options.session_budget_bytes = 1000;
  raw_websocket c(start());
  const auto session = gateway.session(0);
  CHECK(session->send(std::string(16'000'000, 'x')));
  CHECK_FALSE(session->send("not now"));
  CHECK(receive_frame(c).payload.size() == 16'000'000);
  CHECK(eventually([&] { return session->drained == 1; }));
  CHECK(session->send("now"));
}

TEST_CASE_FIXTURE(server_fixture, "a silent peer is pinged, then cut; one that answers stays") {
  options.idle_timeout = milliseconds(200);
  const auto port = start();
  raw_websocket dead(port);
  CHECK(receive_frame(dead).opcode == 9);
  CHECK(dead.ended());
  CHECK(counted("idle"));
  raw_websocket alive(port);
  for (int i = 0; i < 4; ++i) {
    CHECK(receive_frame(alive).opcode == 9);
    alive.send(client_frame(fin | 10, ""));
  }
  alive.send(client_frame(fin | 1, "alive"));
  CHECK(receive_frame(alive).payload == "alive");
}

TEST_CASE_FIXTURE(server_fixture, "a client that stops reading for good is cut") {
  options.idle_timeout = milliseconds(200);
  gateway.answer = [](fake_session&, const std::string&) {};
  raw_websocket c(start(), 4096);
  const auto session = gateway.session(0);
  // A command in hand: silence alone is no reason then.
  c.send(client_frame(fin | 1, "go"));
  CHECK(eventually([&] { return session->commands().size() == 1; }));
  while (session->send(std::string(60'000, 'x'))) {
  }
  CHECK(eventually([&] { return session->closed == 1; }));
  CHECK(counted("stalled_reader"));
}

TEST_CASE_FIXTURE(server_fixture, "handshakes that are none are refused with the reason") {
  const auto port = start();
  const auto status = [&](std::string request) {
    raw_client c(port);
    c.send(request);
    return c.receive_answer().status;
  };
  CHECK(status("GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n") == 426);
  CHECK(status("POST /v1/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n") == 405);
  CHECK(status("GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n") == 426);
  CHECK(status("GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: short\r\n\r\n") == 400);
  CHECK(status(upgrade_request("Origin: https://evil.example\r\n")) == 403);
  CHECK(status(upgrade_request("Origin: null\r\n")) == 403);
  CHECK(status(upgrade_request("Origin: http://localhost\r\n")) == 101);
  CHECK(gateway.session(0));
}

TEST_CASE_FIXTURE(server_fixture, "a gateway may answer instead of the handshake") {
  std::string seen;
  std::optional<messages::rejection> no{{404, R"({"why":"nothing is there"})"}};
  gateway.rejecting = [&](const messages::opening& how) {
    seen = how.path + " " + *how.parameter("a");
    return no;
  };
  endpoints = {{"/kite/{what}", &gateway}};
  const auto port = start();
  const auto ask = [&] {
    auto request = upgrade_request();
    request.replace(request.find("/v1/stream"), std::string("/v1/stream").size(), "/kite/ws?a=b");
    raw_client c(port);
    c.send(request);
    return c.receive_answer(true);
  };
  auto a = ask();
  CHECK(a.status == 404);
  CHECK(a.body == R"({"why":"nothing is there"})");
  CHECK(a.field("Content-Type") == "application/json");
  CHECK(a.field("Retry-After").empty());
  CHECK(seen == "/kite/ws b");
  CHECK(gateway.sessions().empty());
  no->status = 503;
  CHECK_FALSE(ask().field("Retry-After").empty());
  no.reset();
  CHECK(ask().status == 101);
  CHECK(value("artham_web_refused_total", "rejected") == 2);
}

TEST_CASE_FIXTURE(server_fixture, "allowed origins and no others, sessions up to the limit") {
  options.allowed_origins = {"https://charts.example"};
  options.max_sessions = 1;
  const auto port = start();
  raw_client a(port);
  a.send(upgrade_request("Origin: https://charts.example\r\n"));
  CHECK(a.receive_answer(false).status == 101);
  raw_client b(port);
  b.send(upgrade_request());
  CHECK(b.receive_answer().status == 503);
  a.close();
  CHECK(eventually([&] { return raw_websocket(port).upgraded; }));
}

TEST_CASE_FIXTURE(server_fixture,
                  "a gateway that refuses, or never answers, ends in a close code") {
  options.handshake_timeout = milliseconds(150);
  fake_gateway::opened kept;
  int calls = 0;
  gateway.intercept = [&](const fake_gateway::opened& done) {
    if (++calls == 1) done(fail(errc::full, "64 sessions are open"));
    if (calls == 2) done(fail(errc::refused, "not for you"));
    if (calls == 3) kept = done;
    return true;
  };
  const auto port = start();
  CHECK(raw_websocket(port).close_code() == close_code::no_room);
  CHECK(raw_websocket(port).close_code() == close_code::no_session);
  raw_websocket third(port);
  CHECK(third.close_code() == close_code::no_room);
  CHECK(third.ended());
  // An answer after the end closes the session that it brings.
  const auto late = std::make_shared<fake_session>();
  kept(std::shared_ptr<messages::session>(late));
  CHECK(eventually([&] { return late->closed == 1; }));
  running->stop();
  const auto later = std::make_shared<fake_session>();
  kept(std::shared_ptr<messages::session>(later));
  CHECK(later->closed == 1);
}

TEST_CASE_FIXTURE(server_fixture,
                  "stop says goodbye to readers, cuts the others, and clients may outlive it") {
  options.close_timeout = milliseconds(200);
  const auto port = start();
  raw_websocket polite(port);
  const auto first = gateway.session(0);
  raw_websocket lazy(port, 4096);
  const auto second = gateway.session(1);
  while (second->send(std::string(60'000, 'x'))) {
  }
  std::atomic<bool> go_on{true};
  std::thread sender([&] {
    while (go_on) {
      first->send("x");
      second->send("y");
      first->client->next_command();
      std::this_thread::yield();
    }
  });
  std::thread stopper([&] { running->stop(); });
  CHECK(polite.close_code() == close_code::going_away);
  polite.send(client_frame(fin | 8, ""));
  stopper.join();
  running.reset();
  std::this_thread::sleep_for(milliseconds(10));
  go_on = false;
  sender.join();
  CHECK(first->closed == 1);
  CHECK(second->closed == 1);
  CHECK_FALSE(first->send("gone"));
}

TEST_CASE_FIXTURE(server_fixture, "messages that are framed already arrive as they are, in order") {
  gateway.answer = [](fake_session& s, const std::string& text) {
    std::string bytes;
    std::size_t messages = 0;
    for (const std::size_t n : {0, 1, 125, 126, 4'000, 70'000}) {
      protocol::append_frame(bytes, protocol::opcode::text, text + std::string(n, 'x'));
      ++messages;
    }
    const auto shared = std::make_shared<const std::string>(std::move(bytes));
    for (int i = 0; i < 3; ++i) {
      CHECK(s.client->send_frames({shared, 0, shared->size(), messages}));
      s.send("between");
    }
    s.client->next_command();
  };
  beast_client c(start());
  c.write("go");
  for (int i = 0; i < 3; ++i) {
    for (const std::size_t n : {0, 1, 125, 126, 4'000, 70'000})
      CHECK(c.read() == "go" + std::string(n, 'x'));
    CHECK(c.read() == "between");
  }
  // Counted when the write has come back, which a reader may be ahead of.
  CHECK(eventually([&] { return value("artham_web_messages_out_total") == 21; }));
}

TEST_CASE_FIXTURE(
    server_fixture,
    "a slow client's last message is taken beyond its budget, and read when it wakes") {
  options.session_budget_bytes = 1 << 20;
  options.close_timeout = milliseconds(20);
  gateway.answer = [](fake_session& s, const std::string& text) {
    const auto shared = [](std::size_t size, char c) {
      std::string bytes;
      protocol::append_frame(bytes, protocol::opcode::text, std::string(size, c));
      return std::make_shared<const std::string>(std::move(bytes));
    };
    const auto large = shared(100'000, 'x');
    while (s.client->send_frames({large, 0, large->size(), 1})) {
    }
    if (text == "leave") {
      s.client->close(4'000, "");
      return;
    }
    const auto last = shared(10, 'l');
    s.client->close_slow({last, 0, last->size(), 1}, 4008, "too slow");
    CHECK_FALSE(s.client->send_frames({last, 0, last->size(), 1}));
  };
  const auto port = start();
  raw_websocket c(port, 4'096);
  c.send(client_frame(fin | 1, "go"));
  const auto session = gateway.session(0);
  REQUIRE(eventually([&] { return session->commands().size() == 1; }));
  // One that is closed as usual later than this one does not get that long.
  raw_websocket other(port, 4'096);
  other.send(client_frame(fin | 1, "leave"));
  CHECK(counted("close_timeout"));
  std::string last;
  for (auto f = receive_frame(c); f.opcode == 1; f = receive_frame(c)) last = f.payload;
  CHECK(last == std::string(10, 'l'));
}

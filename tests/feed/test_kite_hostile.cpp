// A ticker that means harm: whatever it sends, the client says what was wrong, comes back, and does
// not grow.
#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "feed/kite/client.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "tests/feed/recording_sink.hpp"
#include "tests/support/eventually.hpp"
#include "web/server/handshake.hpp"

using namespace artham;
using namespace artham::test;
using std::chrono::milliseconds;

namespace {

using bytes = std::string;

bytes of(std::initializer_list<int> all) {
  bytes out;
  for (const int b : all) out += static_cast<char>(b);
  return out;
}

/// What it does with one connection.
struct trick {
  const char* name;
  /// The answer to a handshake with this key.
  std::function<bytes(const std::string& accept)> answer;
  bytes again;         ///< sent over and over behind it, until the client has had enough
  bool hangs = false;  ///< waits for the client to lose patience
};

bytes upgraded(const std::string& accept, const bytes& then = "", const bytes& fields = "") {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
         fields + "Sec-WebSocket-Accept: " + accept + "\r\n\r\n" + then;
}

/// Plays its trick on the first connection and is good to all others.
class hostile_ticker {
 public:
  explicit hostile_ticker(trick t) : trick_(std::move(t)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&a), size) != 0 ||
        ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
      FAIL("no port to listen on");
    port_ = ntohs(a.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~hostile_ticker() {
    stop_ = true;
    thread_.join();
    for (const int fd : open_) ::close(fd);
    ::close(listener_);
  }
  hostile_ticker(const hostile_ticker&) = delete;
  hostile_ticker& operator=(const hostile_ticker&) = delete;

  [[nodiscard]] std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::size_t sent() const { return sent_; }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void serve() {
    while (!stop_) {
      pollfd p{listener_, POLLIN, 0};
      if (::poll(&p, 1, 10) <= 0) continue;
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) continue;
      open_.push_back(fd);
      const bool first = connections_++ == 0;
      const timeval limit{1, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      std::string request;
      char piece[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const auto n = ::recv(fd, piece, sizeof piece, 0);
        if (n <= 0) break;
        request.append(piece, static_cast<std::size_t>(n));
      }
      const std::string field = "Sec-WebSocket-Key: ";
      const auto at = request.find(field);
      const auto key = at == std::string::npos ? "" : request.substr(at + field.size(), 24);
      const auto accept = web::websocket_accept(key).value_or("");
      if (!first) {
        put(fd, upgraded(accept));
        continue;
      }
      bool heard = put(fd, trick_.answer(accept));
      while (heard && !trick_.again.empty() && !stop_) {
        heard = put(fd, trick_.again);
        sent_ += trick_.again.size();
      }
    }
  }
  static bool put(int fd, std::string_view all) {
    while (!all.empty()) {
      const auto n = ::send(fd, all.data(), all.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      all.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  trick trick_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::vector<int> open_;
  std::atomic<bool> stop_{false};
  std::atomic<int> connections_{0};
  std::atomic<std::size_t> sent_{0};
  std::thread thread_;
};

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

trick after_upgrade(const char* name, bytes frames, bytes again = "") {
  return {name, [frames](const std::string& accept) { return upgraded(accept, frames); },
          std::move(again), false};
}
trick instead_of_upgrade(const char* name, bytes answer, bytes again = "", bool hangs = false) {
  return {name, [answer](const std::string&) { return answer; }, std::move(again), hangs};
}

std::vector<trick> tricks() {
  const bytes megabyte(1 << 20, 'x');
  const bytes one_megabyte = of({0x7f, 0, 0, 0, 0, 0, 0x10, 0, 0});
  return {
      {"another accept key",
       [](const std::string&) { return upgraded("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); }, "", false},
      instead_of_upgrade("no accept key",
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\n\r\n"),
      {"no upgrade",
       [](const std::string& accept) {
         return "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + accept + "\r\n\r\n";
       },
       "", false},
      instead_of_upgrade("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
      instead_of_upgrade("an answer without end", "HTTP/1.1 200 OK\r\n\r\n", megabyte),
      instead_of_upgrade("a body of a terabyte",
                         "HTTP/1.1 403 Forbidden\r\nContent-Length: 1099511627776\r\n\r\n",
                         megabyte),
      instead_of_upgrade("header fields without end", "HTTP/1.1 101 Switching Protocols\r\n",
                         "X-Filler: " + bytes(1'000, 'x') + "\r\n"),
      instead_of_upgrade("a header field without end",
                         "HTTP/1.1 101 Switching Protocols\r\nX: ", megabyte),
      instead_of_upgrade("silence", "", "", true),
      instead_of_upgrade("half an answer", "HTTP/1.1 101 Switching Pro", "", true),
      after_upgrade("a masked frame", of({0x82, 0x82, 1, 2, 3, 4, 5, 6})),
      after_upgrade("a frame of a terabyte", of({0x82, 0x7f, 0, 0, 1, 0, 0, 0, 0, 0}), megabyte),
      after_upgrade("a frame of a negative length",
                    of({0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), megabyte),
      after_upgrade("a message without end", of({0x02, 1, 'x'}),
                    bytes("\0", 1) + one_megabyte + megabyte),
      after_upgrade("reserved bits", of({0xa2, 1, 'x'})),
      after_upgrade("a reserved opcode", of({0x83, 1, 'x'})),
      after_upgrade("packed, which was not agreed on", of({0xc2, 3, 0x4b, 0x04, 0x00})),
      {"a bomb, packed by an extension that was not offered",
       [](const std::string& accept) {
         return upgraded(accept, of({0xc2, 4, 0x62, 0x60, 0x18, 0x05}),
                         "Sec-WebSocket-Extensions: permessage-deflate\r\n");
       },
       "", false},
      after_upgrade("a ping in pieces", of({0x09, 1, 'x'})),
      after_upgrade("a ping that is too long", of({0x89, 0x7e, 0, 126}) + bytes(126, 'x')),
      after_upgrade("a continuation of nothing", of({0x80, 1, 'x'})),
      after_upgrade("a message inside another", of({0x02, 1, 'x', 0x82, 1, 'y'})),
      after_upgrade("text that is no UTF-8", of({0x81, 2, 0xc0, 0xaf})),
      after_upgrade("a close with half a code", of({0x88, 1, 0x03})),
      after_upgrade("a close with a code that is none", of({0x88, 2, 0x03, 0xed})),
      after_upgrade("a close whose reason is no UTF-8", of({0x88, 3, 0x03, 0xe8, 0xff})),
      after_upgrade("a close, and more", of({0x88, 2, 0x03, 0xe8, 0x82, 1, 'x'})),
  };
}

}  // namespace

TEST_CASE("a hostile ticker is reported and left, and its successor is taken") {
  const feed::kite::frame_decoder decoder;
  constexpr std::size_t growth_allowed = 48 << 20;
  for (auto& t : tricks()) {
    const std::string name = t.name;
    CAPTURE(name);
    const bool hangs = t.hangs;
    hostile_ticker ticker(std::move(t));
    feed::kite::client_options o;
    o.url = ticker.url();
    auto asked = std::make_shared<std::atomic<int>>(0);
    // Another token each time, so that a 403 is tried again.
    o.accounts[0].api_key = "key";
    o.accounts[0].access_token = [asked] {
      return feed::kite::secret("token" + std::to_string((*asked)++));
    };
    o.login_poll = milliseconds(5);
    o.connect_timeout = hangs ? milliseconds(200) : milliseconds(5'000);
    // Who broke the protocol is told so, and may then take its time to close: that long.
    o.silence_limit = milliseconds(500);
    o.backoff = {.min = milliseconds(5), .max = milliseconds(20), .factor = 2, .jitter_percent = 0};
    o.clock_interval = market::hour;
    o.max_message = 64 << 10;
    auto made = feed::kite::client::create(std::move(o), decoder);
    REQUIRE(made);
    recording_sink sink;
    const auto before = resident_bytes();
    (*made)->start(sink);
    CHECK(eventually([&] { return ticker.connections() >= 2; }, milliseconds(10'000)));
    CHECK(
        eventually([&] { return (*made)->current() == feed::state::live; }, milliseconds(10'000)));
    (*made)->stop();
    const auto states = sink.events(recording_sink::kind::state);
    CHECK(std::any_of(states.begin(), states.end(), [](const auto& e) {
      return e.state != feed::state::live && !e.detail.empty();
    }));
    CHECK(ticker.sent() < growth_allowed);
    CHECK(resident_bytes() < before + growth_allowed);
  }
}

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/session/gateway_port.hpp"
#include "supervisors/roles.hpp"
#include "tests/actors/gateway_world.hpp"
#include "web/server/server.hpp"

// Many clients over real sockets: those that do not read, and those that come and go.
namespace artham::test {
namespace {

using nlohmann::json;

constexpr std::uint32_t infy = 408065;
constexpr std::size_t socket_bytes = 48 << 10;
constexpr std::size_t held_bytes = 144 << 10;

int from_environment(const char* name, int usual) {
  const char* const text = std::getenv(name);
  return text == nullptr ? usual : std::atoi(text);
}

/// A gateway whose sessions are supervised as in a node, behind a web server. Streams and
/// appending are those of a gateway_world, whose own hub nobody asks.
struct socket_world {
  explicit socket_world(std::size_t clients) {
    tree.directory = std::make_shared<messages::directory>();
    tree.metrics = &metrics;
    auto hub_options = g.hub_options;
    hub_options.metrics = &metrics;
    hub_options.names = tree.directory;
    hub_options.flush = std::chrono::milliseconds(1);
    root = supervisors::spawn_node(system, tree, {supervisors::gateway_tree(tree, hub_options)});
    REQUIRE(eventually([&] { return tree.directory->find(actors::hub_name) != nullptr; }));
    REQUIRE(eventually([&] { return tree.directory->find(actors::sessions_name) != nullptr; }));
    actors::session_config session;
    session.keys = g.keys;
    session.names = tree.directory;
    session.catch_up = g.catch_up;
    session.held_bytes = held_bytes;
    session.metrics = &metrics;
    port = std::make_unique<actors::gateway_port>(system, tree.directory, std::move(session));
    web::server_options o;
    o.port = 0;
    o.session_budget_bytes = socket_bytes;
    o.max_sessions = clients + 16;
    o.max_connections = clients + 32;
    o.max_half_open = clients + 32;
    web::server_dependencies d;
    d.websockets = {{"/v1/stream", port.get()}};
    d.metrics = &metrics;
    d.handler = [](const web::http_request&, const web::responder& respond) {
      respond({404, "text/plain", "", {}});
    };
    auto started = web::server::start(std::move(o), std::move(d));
    REQUIRE_MESSAGE(started, started.error().message);
    web = std::move(*started);
  }
  ~socket_world() {
    web->stop();
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    root = nullptr;
    port.reset();
    system.await_all_actors_done();
  }
  socket_world(const socket_world&) = delete;
  socket_world& operator=(const socket_world&) = delete;

  [[nodiscard]] std::int64_t value(const std::string& name) const {
    std::int64_t sum = 0;
    for (const auto& s : metrics.samples())
      if (s.name == name) sum += s.value;
    return sum;
  }

  gateway_world g{"1m"};
  runtime::metrics metrics;
  supervisors::tree_options tree;
  caf::actor_system_config config = messages::make_system_config(2);
  caf::actor_system system{config};
  messages::supervisor_actor root;
  std::unique_ptr<actors::gateway_port> port;
  std::unique_ptr<web::server> web;
};

/// One side of a WebSocket, by hand: it reads when it is told to.
class hand_client {
 public:
  explicit hand_client(std::uint16_t port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    if (receive_buffer != 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    put("GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: artham.v1.json\r\n\r\n");
    std::size_t end = 0;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) REQUIRE(read(30'000));
    REQUIRE(in_.starts_with("HTTP/1.1 101"));
    in_.erase(0, end + 4);
  }
  ~hand_client() { close(); }
  hand_client(hand_client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), in_(std::move(other.in_)), last_(other.last_) {}
  hand_client(const hand_client&) = delete;
  hand_client& operator=(const hand_client&) = delete;
  hand_client& operator=(hand_client&&) = delete;

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Masked with zeros, which changes nothing.
  void send(const std::string& text) const {
    std::string frame{'\x81'};
    REQUIRE(text.size() < 65'536);
    if (text.size() < 126) {
      frame += static_cast<char>(0x80U | text.size());
    } else {
      frame += static_cast<char>(0x80U | 126U);
      frame += static_cast<char>(text.size() >> 8U);
      frame += static_cast<char>(text.size() & 0xFFU);
    }
    put(frame + std::string(4, '\0') + text);
  }
  struct message {
    unsigned opcode = 0;
    std::string_view payload;
  };
  /// Calls fn with each whole message that is there, waiting so long for the first bytes. False:
  /// nothing came, or the connection has ended.
  bool take(int wait_ms, const std::function<void(const message&)>& fn) {
    const bool some = read(wait_ms);
    std::size_t at = 0;
    while (in_.size() - at >= 2) {
      const auto byte = [&](std::size_t i) {
        return std::size_t{static_cast<std::uint8_t>(in_[at + i])};
      };
      std::size_t length = byte(1) & 127U;
      std::size_t head = 2;
      const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
      if (in_.size() - at < head + more) break;
      if (more != 0) length = 0;
      for (std::size_t i = 0; i < more; ++i) length = length << 8U | byte(2 + i);
      head += more;
      if (in_.size() - at < head + length) break;
      fn({static_cast<unsigned>(byte(0) & 15U), std::string_view(in_).substr(at + head, length)});
      at += head + length;
    }
    in_.erase(0, at);
    return some;
  }
  /// The answer to a command with this id.
  json ask(int id, const std::string& command) {
    send("{\"id\":" + std::to_string(id) + "," + command + "}");
    json answer;
    while (answer.is_null()) {
      REQUIRE(take(30'000, [&](const message& m) {
        if (m.opcode != 1) return;
        auto f = json::parse(m.payload);
        if (f.value("id", 0) == id) answer = std::move(f);
      }));
    }
    return answer;
  }
  /// One byte, as a client that reads one a second.
  void read_a_byte() {
    char c = 0;
    if (::recv(fd_, &c, 1, MSG_DONTWAIT) == 1) in_ += c;
  }
  [[nodiscard]] int fd() const { return fd_; }
  int& last() { return last_; }

 private:
  void put(const std::string& bytes) const {
    REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  bool read(int wait_ms) {
    pollfd p{fd_, POLLIN, 0};
    if (::poll(&p, 1, wait_ms) <= 0) return false;
    char bytes[65536];
    const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    in_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  int fd_ = -1;
  std::string in_;
  int last_ = 0;  ///< price of its newest tick
};

/// Price of a tick's message; 0: of something else.
int price_in(std::string_view message) {
  constexpr std::string_view before = R"("last":")";
  const auto at = message.find(before);
  if (!message.starts_with(R"({"ev":"tick")") || at == std::string_view::npos) return 0;
  int price = 0;
  std::from_chars(message.data() + at + before.size(), message.data() + message.size(), price);
  return price;
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

}  // namespace

TEST_CASE("clients that do not read slow nobody, and cost no more than their budget") {
  const int clients = from_environment("ARTHAM_SLOW_CLIENTS", 100);
  const int slow_ones = std::max(clients / 10, 4);
  const int ticks = from_environment("ARTHAM_SLOW_TICKS", 20'000);
  socket_world w(static_cast<std::size_t>(clients));
  const auto port = w.web->port();
  constexpr const char* all = R"("op":"sub","policy":"all","keys":["tick:NSE:INFY"])";
  constexpr const char* newest = R"("op":"sub","keys":["tick:NSE:INFY"])";
  // By turns: stopped, or at a byte at a time; all messages, or the newest value.
  std::vector<hand_client> slow;
  for (int i = 0; i < slow_ones; ++i) {
    slow.emplace_back(port, 4'096);
    REQUIRE(slow.back().ask(1, i % 4 < 2 ? all : newest)["ok"] == true);
  }
  std::vector<hand_client> quick;
  for (int i = slow_ones; i < clients; ++i) {
    quick.emplace_back(port);
    REQUIRE(quick.back().ask(1, all)["ok"] == true);
  }
  std::atomic<std::int64_t> read_at_least{0};
  std::atomic<bool> in_order{true};
  std::thread reading([&] {
    std::vector<pollfd> fds;
    for (const auto& q : quick) fds.push_back({q.fd(), POLLIN, 0});
    std::size_t done = 0;
    while (done < quick.size() && ::poll(fds.data(), fds.size(), 60'000) > 0) {
      for (std::size_t i = 0; i < quick.size(); ++i) {
        if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
        const bool some = quick[i].take(0, [&](const hand_client::message& m) {
          const int price = m.opcode == 1 ? price_in(m.payload) : 0;
          if (price != quick[i].last() + 1) in_order = false;
          quick[i].last() = price;
        });
        if (!some) in_order = false;
        if (!some || quick[i].last() == ticks) {
          fds[i].fd = -1;
          ++done;
        }
      }
      auto least = ticks;
      for (auto& q : quick) least = std::min(least, q.last());
      read_at_least = least;
    }
  });
  std::int64_t most_held = 0;
  for (int i = 1; i <= ticks; ++i) {
    w.g.append_frame(infy, i);
    most_held = std::max(most_held, w.value("artham_session_held_bytes"));
    if (i % 100 == 0) {
      for (int s = 1; s < slow_ones; s += 2) slow[static_cast<std::size_t>(s)].read_a_byte();
      // The quick ones are quick: what they have not read is no more than what one may not read.
      REQUIRE(eventually([&] { return !in_order || read_at_least >= i - 100; }));
    }
  }
  reading.join();
  CHECK(in_order);
  CHECK(read_at_least == ticks);
  // Those of all messages were cut off; those of the newest are there, and no quick one is gone.
  const int cut = slow_ones / 4 * 2 + std::min(slow_ones % 4, 2);
  CHECK(eventually([&] { return w.value("artham_session_cut_off_total") == cut; }));
  CHECK(w.value("artham_session_conflated_total") > 0);
  most_held = std::max(most_held, w.value("artham_session_held_bytes"));
  const auto budget = static_cast<std::int64_t>(held_bytes) * slow_ones;
  CHECK(most_held > 0);
  CHECK(most_held <= budget + budget / 10);
  for (int i = 0; i < slow_ones; ++i) {
    auto& s = slow[static_cast<std::size_t>(i)];
    std::string notice;
    unsigned code = 0;
    const bool is_cut = i % 4 < 2;
    const auto ends = [&] { return is_cut ? code != 0 : s.last() == ticks; };
    while (!ends() && s.take(10'000, [&](const hand_client::message& m) {
      if (m.opcode == 8 && m.payload.size() >= 2) {
        code = static_cast<unsigned>(static_cast<std::uint8_t>(m.payload[0])) << 8U |
               static_cast<std::uint8_t>(m.payload[1]);
      }
      if (m.opcode != 1) return;
      if (const int price = price_in(m.payload); price != 0) {
        if (is_cut) CHECK(price == s.last() + 1);
        s.last() = price;
      } else {
        notice = m.payload;
      }
    })) {
    }
    CAPTURE(i);
    if (!is_cut) {
      CHECK(s.last() == ticks);
      continue;
    }
    CHECK(code == 4008);
    REQUIRE_FALSE(notice.empty());
    CHECK(json::parse(notice)["cause"] == "too_slow");
    CHECK(json::parse(notice)["token"].is_string());
    CHECK(s.last() < ticks);
  }
  MESSAGE(clients << " clients, " << slow_ones << " of them slow: " << most_held
                  << " bytes held at the most, of " << budget);
}

TEST_CASE("sessions over real sockets that come and go leave nothing behind") {
  const int sessions = from_environment("ARTHAM_CHURN", 300);
  constexpr int at_a_time = 20;
  socket_world w(at_a_time);
  const auto port = w.web->port();
  constexpr const char* keys =
      R"("keys":["tick:NSE:INFY","bar:NSE:INFY:1m","bar:NSE:RELIANCE:1m","system"])";
  const auto none_left = [&] {
    return w.value("artham_sessions") == 0 && w.value("artham_web_sessions") == 0 &&
           w.value("artham_web_connections") == 0 && w.value("artham_subscriptions") == 0 &&
           w.value("artham_audiences") == 0 && w.value("artham_session_held_bytes") == 0;
  };
  const auto come_and_go = [&](int n) {
    for (int i = 0; i < n;) {
      std::vector<hand_client> some;
      for (int k = 0; k < at_a_time && i < n; ++k, ++i) {
        some.emplace_back(port);
        auto& c = some.back();
        if (i % 5 == 0) continue;  // it never says anything
        c.send(R"({"id":1,"op":"sub","tokens":50,)" + std::string(keys) + "}");
        if (i % 5 == 1) continue;  // it does not wait for the answer
        const auto answer = c.ask(2, R"("op":"ping")");
        CHECK(answer["ok"] == true);
        w.g.append_tick(infy, i + 1);
        if (i % 5 == 2) c.send(R"({"id":3,"op":"unsub",)" + std::string(keys) + "}");
        if (i % 5 == 3) c.send("no command");
      }
    }
    REQUIRE(eventually(none_left));
  };
  come_and_go(at_a_time);  // what is made once
  const auto actors_before = w.system.registry().running();
  const auto descriptors_before = open_descriptors();
  come_and_go(sessions);
  CHECK(eventually([&] { return w.system.registry().running() == actors_before; }));
  CHECK(eventually([&] { return open_descriptors() == descriptors_before; }));
  MESSAGE(sessions << " sessions came and went; " << actors_before << " actors and "
                   << descriptors_before << " descriptors, before and after");
}

}  // namespace artham::test

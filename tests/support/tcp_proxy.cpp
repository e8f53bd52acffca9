#include "tests/support/tcp_proxy.hpp"

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio.hpp>

namespace artham::test {

namespace asio = boost::asio;
using asio::ip::tcp;
using failure = boost::system::error_code;

namespace {

constexpr std::size_t piece_bytes = 16'384;

void reset(tcp::socket& s) {
  failure ignored;
  s.set_option(asio::socket_base::linger(true, 0), ignored);
  s.close(ignored);
}

}  // namespace

struct tcp_proxy::state {
  /// One way of a connection: reads a piece, waits, writes it, and so on.
  struct lane {
    tcp::socket* from = nullptr;
    tcp::socket* to = nullptr;
    way direction = way::to_server;
    std::array<char, piece_bytes> piece{};
    std::size_t size = 0;
    bool held = false;
    bool waits = false;  ///< holds a piece back
  };
  struct link {
    explicit link(asio::io_context& io)
        : client(io), server(io), timers{asio::steady_timer(io), asio::steady_timer(io)} {}
    tcp::socket client;
    tcp::socket server;
    std::array<asio::steady_timer, 2> timers;
    std::array<lane, 2> lanes;
  };
  using link_ptr = std::shared_ptr<link>;

  asio::io_context io;
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::uint16_t port = acceptor.local_endpoint().port();
  std::uint16_t server_port;
  std::set<link_ptr> links;
  std::chrono::milliseconds delay{0};
  std::array<bool, 2> holding{};
  std::array<std::size_t, 2> left{};  ///< bytes until the cut; 0: none is ordered
  std::atomic<std::size_t> made{0};
  std::thread thread;

  explicit state(std::uint16_t to) : server_port(to) {
    accept();
    thread = std::thread([this] { io.run(); });
  }
  ~state() {
    io.stop();
    thread.join();
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  void accept() {
    auto l = std::make_shared<link>(io);
    acceptor.async_accept(l->client, [this, l](failure failed) {
      if (failed) return;
      ++made;
      l->server.async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), server_port),
                              [this, l](failure refused) {
                                if (refused) return reset(l->client);
                                begin(l);
                              });
      accept();
    });
  }
  void begin(const link_ptr& l) {
    failure ignored;
    l->client.set_option(tcp::no_delay(true), ignored);
    l->server.set_option(tcp::no_delay(true), ignored);
    links.insert(l);
    for (std::size_t i = 0; i < 2; ++i) {
      auto& ln = l->lanes[i];
      ln.direction = i == 0 ? way::to_server : way::to_client;
      ln.from = i == 0 ? &l->client : &l->server;
      ln.to = i == 0 ? &l->server : &l->client;
      ln.held = holding[i];
      read(l, i);
    }
  }
  void end(const link_ptr& l) {
    reset(l->client);
    reset(l->server);
    for (auto& t : l->timers) t.cancel();
    links.erase(l);
  }
  void read(const link_ptr& l, std::size_t i) {
    auto& ln = l->lanes[i];
    ln.from->async_read_some(asio::buffer(ln.piece), [this, l, i](failure failed, std::size_t n) {
      if (failed) return end(l);
      l->lanes[i].size = n;
      carry(l, i);
    });
  }
  void carry(const link_ptr& l, std::size_t i) {
    auto& ln = l->lanes[i];
    if (ln.held) {
      ln.waits = true;
      return;
    }
    if (delay.count() == 0) return write(l, i);
    l->timers[i].expires_after(delay);
    l->timers[i].async_wait([this, l, i](failure cancelled) {
      if (!cancelled) write(l, i);
    });
  }
  void write(const link_ptr& l, std::size_t i) {
    auto& ln = l->lanes[i];
    bool last = false;
    if (left[i] != 0) {
      last = ln.size >= left[i];
      if (last) ln.size = left[i];
      left[i] -= ln.size;
    }
    asio::async_write(*ln.to, asio::buffer(ln.piece.data(), ln.size),
                      [this, l, i, last](failure failed, std::size_t) {
                        if (failed) return end(l);
                        if (!last) return read(l, i);
                        // What was written still arrives, and then the end.
                        failure ignored;
                        l->lanes[i].to->shutdown(tcp::socket::shutdown_both, ignored);
                        end_softly(l);
                      });
  }
  void end_softly(const link_ptr& l) {
    failure ignored;
    l->client.close(ignored);
    l->server.close(ignored);
    for (auto& t : l->timers) t.cancel();
    links.erase(l);
  }
  void hold(const link_ptr& l, way direction) {
    for (auto& ln : l->lanes) {
      if (direction == way::both || direction == ln.direction) ln.held = true;
    }
  }

  /// Runs in the thread; answers when it has.
  template <class Fn>
  void in_thread(Fn fn) {
    std::promise<void> done;
    asio::post(io, [&] {
      fn();
      done.set_value();
    });
    done.get_future().wait();
  }
};

tcp_proxy::tcp_proxy(std::uint16_t server_port) : state_(std::make_unique<state>(server_port)) {}
tcp_proxy::~tcp_proxy() = default;

std::uint16_t tcp_proxy::port() const {
  return state_->port;
}
std::size_t tcp_proxy::made() const {
  return state_->made;
}

void tcp_proxy::delay(std::chrono::milliseconds time) {
  state_->in_thread([&] { state_->delay = time; });
}
void tcp_proxy::cut_after(way direction, std::size_t bytes) {
  state_->in_thread([&] {
    if (direction != way::to_client) state_->left[0] = bytes;
    if (direction != way::to_server) state_->left[1] = bytes;
  });
}
void tcp_proxy::cut() {
  state_->in_thread([&] {
    for (const auto links = state_->links; const auto& l : links) state_->end(l);
  });
}
void tcp_proxy::hold(way direction) {
  state_->in_thread([&] {
    if (direction != way::to_client) state_->holding[0] = true;
    if (direction != way::to_server) state_->holding[1] = true;
    for (const auto& l : state_->links) state_->hold(l, direction);
  });
}
void tcp_proxy::hold_present(way direction) {
  state_->in_thread([&] {
    for (const auto& l : state_->links) state_->hold(l, direction);
  });
}
void tcp_proxy::release() {
  state_->in_thread([&] {
    state_->holding = {};
    for (const auto& l : state_->links) {
      for (std::size_t i = 0; i < 2; ++i) {
        l->lanes[i].held = false;
        if (std::exchange(l->lanes[i].waits, false)) state_->carry(l, i);
      }
    }
  });
}

}  // namespace artham::test

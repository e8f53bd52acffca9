#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "web/server/address_counts.hpp"
#include "web/server/deflate.hpp"
#include "web/server/server.hpp"

namespace artham::web {

namespace asio = boost::asio;
using asio::ip::tcp;
using steady_clock = std::chrono::steady_clock;

struct server_metrics {
  explicit server_metrics(runtime::metrics& m);

  runtime::metrics& registry;
  runtime::gauge& connections;
  runtime::gauge& sessions;
  runtime::counter& requests;
  runtime::counter& messages_in;
  runtime::counter& messages_out;
  runtime::counter& bytes_out;
  runtime::counter& writes;
  runtime::counter& sends_refused;
  runtime::gauge& half_open;
  runtime::gauge& certificate_expires;

  /// Why a connection or request was turned away or cut.
  void refused(std::string_view cause) const;
};

/// The peer's, `203.0.113.7:50123` or `[2001:db8::7]:50123`.
[[nodiscard]] std::string address_of(const tcp::socket& socket);

/// A connection of either kind. Its network thread's calls only.
class connection {
 public:
  virtual ~connection() = default;
  /// The server stops: close in good order, soon.
  virtual void finish() = 0;
  /// Close now; no call of the connection's own leaves it after this.
  virtual void abort() = 0;
  /// Writes what is queued.
  virtual void pump() {}

 private:
  friend struct engine;
  std::optional<std::list<connection*>::iterator> waits_;
};

/// What the connections of one server share. Runs one thread; everything that is not said to be
/// thread-safe is that thread's.
struct engine : std::enable_shared_from_this<engine> {
  engine(server_options o, server_dependencies d);

  result<void> listen();
  void run();
  /// Thread-safe. False once the engine has stopped: the job was not taken.
  bool post(std::function<void()> job);
  /// Any thread but the engine's.
  void stop();

  void add(connection* c, std::weak_ptr<connection> self) {
    connections.emplace(c, std::move(self));
  }
  void remove(connection* c);
  /// Thread-safe. Has it write what is queued, with all others that have something by then.
  void write_soon(std::shared_ptr<connection> c);
  /// The connection has no request in work from now on. Of too many, the one that waits longest is
  /// closed.
  void waits(connection* c);
  void works(connection* c);
  /// Null when no WebSocket is opened at this path.
  [[nodiscard]] messages::gateway* gateway_of(std::string_view path) const;

  server_options options;
  http_handler handler;
  std::vector<websocket_endpoint> websockets;
  server_metrics metrics;
  asio::io_context io{1};
  std::uint16_t port = 0;
  bool check_hosts = false;
  deflater deflate;
  std::size_t session_count = 0;
  bool stopping = false;

 private:
  void accept();
  void take(tcp::socket socket);
  void turn_away(tcp::socket socket, std::string_view status, std::string_view why);
  void close_oldest();
  result<void> read_certificate();
  void watch_certificate();
  void begin_stop();
  void end_stop();

  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  tcp::acceptor acceptor{io};
  asio::steady_timer accept_pause{io};
  asio::steady_timer stop_deadline{io};
  asio::steady_timer certificate_watch{io};
  tls_setup tls;
  std::string certificate_state;
  std::unordered_map<connection*, std::weak_ptr<connection>> connections;
  std::list<connection*> waiting;  ///< the one that waits longest first
  std::shared_ptr<address_counts> addresses = std::make_shared<address_counts>();
  std::thread thread;
  std::mutex mutex;
  bool ended = false;
  bool closed = false;  ///< under mutex: no more posts
  void write_all();

  std::mutex dirty_mutex;
  std::vector<std::shared_ptr<connection>> dirty;    ///< have something to write
  std::vector<std::shared_ptr<connection>> writers;  ///< those that write now
  std::mutex stop_mutex;
};

}  // namespace artham::web

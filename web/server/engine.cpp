#include "web/server/engine.hpp"

#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "web/server/handshake.hpp"
#include "web/server/http_connection.hpp"

namespace artham::web {

server_metrics::server_metrics(runtime::metrics& m)
    : registry(m),
      connections(m.gauge("artham_web_connections", "Open HTTP and WebSocket connections")),
      sessions(m.gauge("artham_web_sessions", "Open WebSocket sessions")),
      requests(m.counter("artham_web_requests_total", "HTTP requests read")),
      messages_in(m.counter("artham_web_messages_in_total", "WebSocket messages received")),
      messages_out(m.counter("artham_web_messages_out_total", "WebSocket messages written")),
      bytes_out(m.counter("artham_web_bytes_out_total", "WebSocket bytes written")),
      writes(m.counter("artham_web_writes_total", "Socket writes that carried WebSocket messages")),
      sends_refused(m.counter("artham_web_sends_refused_total",
                              "Messages refused because a session's byte budget was used up")) {}

void server_metrics::refused(std::string_view cause) const {
  registry
      .counter("artham_web_refused_total", "Requests and connections turned away or cut, by cause",
               {{"cause", std::string(cause)}})
      .add();
}

std::string address_of(const tcp::socket& socket) {
  boost::system::error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  if (ec) return "unknown";
  const std::string address = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + address + "]" : address) + ":" +
         std::to_string(peer.port());
}

engine::engine(server_options o, server_dependencies d)
    : options(std::move(o)),
      handler(std::move(d.handler)),
      websockets(std::move(d.websockets)),
      metrics(*d.metrics) {}

result<void> engine::listen() {
  boost::system::error_code ec;
  const std::string name = options.address == "localhost" ? "127.0.0.1" : options.address;
  const auto address = asio::ip::make_address(name, ec);
  if (ec)
    return fail(errc::usage,
                "web.address '" + options.address + "' is no IP address; use 127.0.0.1 or ::1");
  if (!address.is_loopback() && !options.insecure_listen)
    return fail(errc::usage,
                "web.address " + options.address +
                    " can be reached from other machines, and there is no TLS; use 127.0.0.1, or "
                    "--insecure-listen (web.insecure_listen = true) to serve it in the clear");
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    const std::string where = "port " + std::to_string(options.port) + " of " + options.address;
    if (ec == asio::error::address_in_use)
      return fail(errc::conflict, "web: " + where +
                                      " is in use by another program; set web.port to another one "
                                      "(0 takes any free port)");
    return fail(errc::io, "web: cannot listen on " + where + ": " + ec.message());
  }
  port = acceptor.local_endpoint(ec).port();
  return {};
}

void engine::run() {
  accept();
  thread = std::thread([this] { io.run(); });
}

bool engine::post(std::function<void()> job) {
  const std::lock_guard lock(mutex);
  if (closed) return false;
  asio::post(io, std::move(job));
  return true;
}

void engine::accept() {
  acceptor.async_accept([this](boost::system::error_code ec, tcp::socket socket) {
    if (stopping) return;
    if (!ec) {
      take(std::move(socket));
      return accept();
    }
    // Out of descriptors, most likely: others must close first.
    metrics.refused("accept_failed");
    accept_pause.expires_after(std::chrono::milliseconds(50));
    accept_pause.async_wait([this](boost::system::error_code) {
      if (!stopping) accept();
    });
  });
}

void engine::take(tcp::socket socket) {
  boost::system::error_code ec;
  if (connections.size() >= options.max_connections) {
    metrics.refused("too_many_connections");
    static constexpr std::string_view answer =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n";
    socket.non_blocking(true, ec);
    socket.write_some(asio::buffer(answer), ec);
    socket.shutdown(tcp::socket::shutdown_send, ec);
    return;
  }
  socket.set_option(tcp::no_delay(true), ec);
  auto c = std::make_shared<http_connection>(shared_from_this(), std::move(socket));
  add(c.get(), c);
  metrics.connections.set(static_cast<std::int64_t>(connections.size()));
  c->start();
}

void engine::remove(connection* c) {
  connections.erase(c);
  metrics.connections.set(static_cast<std::int64_t>(connections.size()));
  if (stopping && connections.empty()) end_stop();
}

void engine::write_soon(std::shared_ptr<connection> c) {
  const std::lock_guard lock(dirty_mutex);
  dirty.push_back(std::move(c));
  if (dirty.size() == 1) asio::post(io, [self = shared_from_this()] { self->write_all(); });
}

void engine::write_all() {
  {
    const std::lock_guard lock(dirty_mutex);
    writers.swap(dirty);
  }
  for (const auto& c : writers) c->pump();
  writers.clear();
}

messages::gateway* engine::gateway_of(std::string_view path) const {
  for (const auto& w : websockets)
    if (path_fits(w.path, path)) return w.gateway;
  return nullptr;
}

void engine::begin_stop() {
  stopping = true;
  boost::system::error_code ec;
  acceptor.close(ec);
  accept_pause.cancel();
  if (connections.empty()) return end_stop();
  stop_deadline.expires_after(options.close_timeout);
  stop_deadline.async_wait([this](boost::system::error_code error) {
    if (!error) end_stop();
  });
  const auto all = connections;
  for (const auto& [key, weak] : all)
    if (const auto c = weak.lock()) c->finish();
}

void engine::end_stop() {
  if (std::exchange(ended, true)) return;
  stop_deadline.cancel();
  const auto all = std::exchange(connections, {});
  for (const auto& [key, weak] : all)
    if (const auto c = weak.lock()) c->abort();
  const std::lock_guard lock(mutex);
  closed = true;
  work.reset();
}

void engine::stop() {
  const std::lock_guard lock(stop_mutex);
  if (!thread.joinable()) return;
  post([this] { begin_stop(); });
  thread.join();
  // On this thread: the routes may own threads that must not be joined from one of their own jobs.
  handler = nullptr;
}

}  // namespace artham::web

#include "web/server/engine.hpp"

#include <ctime>
#include <utility>
#include <vector>

#include <spdlog/logger.h>

#include <boost/asio/post.hpp>

#include "runtime/log.hpp"
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
                              "Messages refused because a session's byte budget was used up")),
      half_open(m.gauge("artham_web_half_open", "Connections that have no request in work")),
      certificate_expires(m.gauge("artham_web_certificate_expires_seconds",
                                  "When the certificate of TLS ends, in Unix time; 0: no TLS")) {}

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
  if (!options.tls.empty()) {
    if (auto loaded = read_certificate(); !loaded) return loaded;
  } else if (!address.is_loopback() && !options.insecure_listen) {
    return fail(errc::usage,
                "web.address " + options.address +
                    " can be reached from other machines, and there is no TLS; set web.certificate "
                    "and web.key, use 127.0.0.1, or --insecure-listen (web.insecure_listen = true) "
                    "to serve it in the clear");
  }
  check_hosts = address.is_loopback() && !options.insecure_listen && options.tls.empty();
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

result<void> engine::read_certificate() {
  // The state first: what changes meanwhile is found the next time.
  certificate_state = state_of(options.tls);
  auto loaded = load_tls(options.tls);
  if (!loaded) return tl::unexpected(loaded.error());
  tls = std::move(*loaded);
  metrics.certificate_expires.set(tls.expires);
  if (tls.expires < std::time(nullptr))
    runtime::log().warn("web.certificate = \"{}\" is out of date: clients will refuse it",
                        options.tls.certificate);
  return {};
}

void engine::watch_certificate() {
  certificate_watch.expires_after(options.certificate_interval);
  certificate_watch.async_wait([this](boost::system::error_code ec) {
    if (ec || stopping) return;
    if (state_of(options.tls) != certificate_state) {
      if (auto read = read_certificate(); read) {
        runtime::log().info("web: a new certificate is in force for new connections");
      } else {
        metrics.refused("certificate");
        runtime::log().warn("web: the certificate stays the old one: {}", read.error().message);
      }
    }
    watch_certificate();
  });
}

void engine::run() {
  accept();
  if (!options.tls.empty()) watch_certificate();
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
  const auto peer = socket.remote_endpoint(ec);
  if (ec) return;
  auto admission = addresses->admit(peer.address(), options.max_per_address);
  if (!admission) {
    metrics.refused("too_many_of_address");
    return turn_away(std::move(socket), "429 Too Many Requests",
                     "this address has web.max_per_address connections; close one\n");
  }
  if (connections.size() >= options.max_connections && !waiting.empty()) close_oldest();
  if (connections.size() >= options.max_connections) {
    metrics.refused("too_many_connections");
    return turn_away(std::move(socket), "503 Service Unavailable",
                     "web.max_connections are open; try again, or raise the limit\n");
  }
  socket.set_option(tcp::no_delay(true), ec);
  auto c = std::make_shared<http_connection>(shared_from_this(), std::move(socket),
                                             tls.context.get(), std::move(admission));
  add(c.get(), c);
  metrics.connections.set(static_cast<std::int64_t>(connections.size()));
  c->start();
}

/// In the clear and at once, or not at all: with TLS nothing can be said cheaply.
void engine::turn_away(tcp::socket socket, std::string_view status, std::string_view why) {
  if (tls.context) return;
  const std::string answer = "HTTP/1.1 " + std::string(status) +
                             "\r\nRetry-After: 5\r\nContent-Type: text/plain\r\n"
                             "Content-Length: " +
                             std::to_string(why.size()) + "\r\nConnection: close\r\n\r\n" +
                             std::string(why);
  boost::system::error_code ec;
  socket.non_blocking(true, ec);
  socket.write_some(asio::buffer(answer), ec);
  socket.shutdown(tcp::socket::shutdown_send, ec);
}

void engine::close_oldest() {
  metrics.refused("half_open");
  // The map's pointer keeps nothing alive: a connection that is in the list is.
  if (const auto c = connections.at(waiting.front()).lock()) c->abort();
}

void engine::waits(connection* c) {
  works(c);
  if (!connections.contains(c)) return;  // closed meanwhile
  c->waits_ = waiting.insert(waiting.end(), c);
  metrics.half_open.set(static_cast<std::int64_t>(waiting.size()));
  if (waiting.size() > options.max_half_open) close_oldest();
}

void engine::works(connection* c) {
  if (!c->waits_) return;
  waiting.erase(*std::exchange(c->waits_, std::nullopt));
  metrics.half_open.set(static_cast<std::int64_t>(waiting.size()));
}

void engine::remove(connection* c) {
  works(c);
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
  certificate_watch.cancel();
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

#include "feed/kite/http.hpp"

#include <limits>
#include <memory>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "feed/kite/any_stream.hpp"
#include "feed/kite/endpoint.hpp"
#include "feed/kite/gzip.hpp"
#include "net/tls_client.hpp"

namespace artham::feed::kite {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using message = http::request<http::string_body>;
using parser = http::response_parser<http::string_body>;

constexpr int total_over_step = 10;

/// What is going on, for the text of an error.
struct progress {
  std::string_view step = "resolving the name";
};

asio::awaitable<void> converse(any_stream& stream, const endpoint& server, const message& request,
                               parser& answer, std::chrono::milliseconds timeout, progress& p) {
  auto& socket = beast::get_lowest_layer(stream);
  auto resolver = tcp::resolver(co_await asio::this_coro::executor);
  const auto addresses = co_await resolver.async_resolve(server.host, std::to_string(server.port),
                                                         asio::use_awaitable);
  p.step = "connecting";
  socket.expires_after(timeout);
  co_await socket.async_connect(addresses, asio::use_awaitable);
  if (stream.tls() != nullptr) {
    p.step = "the TLS handshake";
    socket.expires_after(timeout);
    co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  }
  p.step = "sending the request";
  socket.expires_after(timeout);
  co_await http::async_write(stream, request, asio::use_awaitable);
  p.step = "waiting for the answer";
  beast::flat_buffer buffer;
  while (!answer.is_done()) {
    socket.expires_after(timeout);
    co_await http::async_read_some(stream, buffer, answer, asio::use_awaitable);
    p.step = "reading the answer";
  }
}

/// Runs the conversation to its end, a failure or the time limit.
result<void> run(asio::io_context& io, any_stream& stream, const endpoint& server,
                 const message& request, parser& answer, std::chrono::milliseconds timeout) {
  progress p;
  std::optional<std::exception_ptr> outcome;
  asio::co_spawn(io, converse(stream, server, request, answer, timeout, p),
                 [&](std::exception_ptr e) { outcome = std::move(e); });
  io.run_for(timeout * total_over_step);
  const auto failed = [&](const std::string& why) {
    return fail(errc::unavailable, server.authority() + ": " + std::string(p.step) + ": " + why);
  };
  if (!outcome) return failed("not done within the time limit");
  if (!*outcome) return {};
  try {
    std::rethrow_exception(*outcome);
  } catch (const boost::system::system_error& e) {
    if (e.code() == beast::error::timeout) return failed("no answer in time");
    return failed(e.code().message());
  } catch (const std::exception& e) {
    return failed(e.what());
  }
}

message make_message(const http_request& from, const endpoint& server) {
  message out;
  out.method_string(from.method);
  std::string target = server.path.empty() ? "/" : server.path;
  if (!from.query.empty()) target += '?' + from.query;
  out.target(target);
  out.version(11);
  out.set(http::field::host, server.authority());
  out.set(http::field::user_agent, "artham");
  out.set(http::field::accept_encoding, "gzip");
  out.set(http::field::connection, "close");
  for (const auto& [name, value] : from.headers) out.set(name, value);
  if (!from.body.empty() || from.method == "POST") {
    out.body() = from.body;
    out.prepare_payload();
  }
  return out;
}

}  // namespace

result<http_response> http_call(const http_request& request, const http_limits& limits) {
  const auto server = parse_endpoint(request.url, "http", "https");
  if (!server) return tl::unexpected(server.error());
  const auto to_send = make_message(request, *server);
  parser answer;
  answer.body_limit(limits.max_body);
  asio::io_context io(1);
  std::shared_ptr<asio::ssl::context> tls;
  if (server->tls) {
    auto context = net::make_tls_context(limits.ca_file);
    if (!context) return tl::unexpected(context.error());
    tls = std::move(*context);
  }
  any_stream stream(io, tls.get());
  if (tls && !net::expect_host(stream.tls(), server->host)) {
    return fail(errc::usage, "TLS cannot verify the host name \"" + server->host + "\"");
  }
  const auto done = run(io, stream, *server, to_send, answer, limits.timeout);
  if (!done) return tl::unexpected(done.error());
  auto& received = answer.get();
  http_response out;
  out.status = static_cast<int>(received.result_int());
  out.content_type = std::string(received[http::field::content_type]);
  const auto encoding = received[http::field::content_encoding];
  if (beast::iequals(encoding, "gzip") || beast::iequals(encoding, "x-gzip")) {
    auto body = gunzip(received.body(), limits.max_body);
    if (!body) {
      return fail(body.error().code, server->authority() + ": " + body.error().message);
    }
    out.body = std::move(*body);
  } else if (encoding.empty() || beast::iequals(encoding, "identity")) {
    out.body = std::move(received.body());
  } else {
    return fail(errc::unsupported, server->authority() + ": the answer is encoded as \"" +
                                       std::string(encoding) + "\"; only gzip is understood");
  }
  return out;
}

}  // namespace artham::feed::kite

#include "web/server/http_connection.hpp"

#include <atomic>
#include <exception>
#include <utility>

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "web/server/handshake.hpp"
#include "web/server/response_fields.hpp"
#include "web/server/websocket_connection.hpp"

namespace artham::web {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

/// Read and thrown away after an early refusal, so that the answer is not lost to a connection
/// reset.
constexpr std::size_t max_discarded = 1 << 20;

std::string_view view(beast::string_view s) {
  return {s.data(), s.size()};
}

}  // namespace

/// The answer that is owed for the request in hand.
class http_connection::pending final : public responder::target {
 public:
  explicit pending(const std::shared_ptr<http_connection>& c, const std::shared_ptr<engine>& e)
      : connection_(c), engine_(e) {}

  void answer(http_response r) override {
    if (answered_.exchange(true)) return;
    // Weak in between: a route that answers late, or never, keeps no connection alive.
    const auto e = engine_.lock();
    const auto c = connection_.lock();
    if (e && c) e->post([c, r = std::move(r)]() mutable { c->answer(std::move(r)); });
  }
  void limit(std::chrono::milliseconds time, std::string detail) override {
    const auto c = connection_.lock();
    if (!c || c->pending_.get() != this) return;
    c->deadline_detail_ = std::move(detail);
    c->answer_deadline_.expires_after(time);
    // The wait keeps the connection alive: nothing else does while an answer is being made.
    c->answer_deadline_.async_wait([c, id = c->pending_](boost::system::error_code ec) {
      if (ec || c->pending_ != id) return;
      c->engine_->metrics.refused("answer_timeout");
      http_response r =
          problem(503, "timeout", "No answer in time", c->deadline_detail_, c->target_);
      r.headers.emplace_back("Retry-After", "2");
      id->answer(std::move(r));
    });
  }

 private:
  std::weak_ptr<http_connection> connection_;
  std::weak_ptr<engine> engine_;
  std::atomic<bool> answered_{false};
};

http_connection::http_connection(std::shared_ptr<engine> e, tcp::socket socket,
                                 asio::ssl::context* tls, address_counts::admission admission)
    : engine_(std::move(e)),
      address_(address_of(socket)),
      admission_(std::move(admission)),
      stream_(std::make_unique<stream>(std::move(socket), tls)),
      buffer_(engine_->options.max_header_bytes + (16 << 10)),
      answer_deadline_(engine_->io) {}

void http_connection::start() {
  if (!stream_->encrypted()) return await_request(engine_->options.handshake_timeout);
  engine_->waits(this);
  stream_->layer().expires_after(engine_->options.handshake_timeout);
  stream_->async_handshake(
      [self = shared_from_this()](boost::system::error_code ec) { self->on_secured(ec); });
}

void http_connection::on_secured(boost::system::error_code ec) {
  if (!ec) return await_request(engine_->options.handshake_timeout);
  if (ec == asio::error::operation_aborted) return close();
  engine_->metrics.refused(ec == beast::error::timeout ? "slow_tls" : "bad_tls");
  if (ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_HTTP_REQUEST) {
    // Who speaks plainly is answered plainly.
    static constexpr std::string_view answer =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
        "this port speaks TLS: use https:// or wss://\n";
    auto& socket = stream_->layer().socket();
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(answer), ignored);
    return discard();
  }
  close();
}

void http_connection::finish() {
  if (idle_) return close();
  if (chunks_) return cut("stopping", "the server stops");
  keep_alive_ = false;
}

void http_connection::abort() {
  close();
}

void http_connection::close() {
  pending_.reset();
  chunks_.reset();
  answer_deadline_.cancel();
  if (stream_) stream_->layer().close();
  admission_.reset();
  engine_->remove(this);
}

void http_connection::await_request(std::chrono::milliseconds limit) {
  idle_ = true;
  engine_->waits(this);
  if (buffer_.size() != 0) return read_request();
  stream_->layer().expires_after(limit);
  stream_->async_read_some(buffer_.prepare(4096), [self = shared_from_this()](
                                                      boost::system::error_code ec, std::size_t n) {
    if (ec) {
      if (ec == beast::error::timeout) self->engine_->metrics.refused("idle");
      return self->close();
    }
    self->buffer_.commit(n);
    self->read_request();
  });
}

void http_connection::read_request() {
  idle_ = false;
  parser_.emplace();
  head_ = false;
  version_ = 11;
  parser_->header_limit(static_cast<std::uint32_t>(engine_->options.max_header_bytes));
  parser_->body_limit(engine_->options.max_body_bytes);
  stream_->layer().expires_after(engine_->options.handshake_timeout);
  http::async_read(*stream_, buffer_, *parser_,
                   [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                     self->on_request(ec);
                   });
}

void http_connection::on_request(boost::system::error_code ec) {
  if (!ec) return dispatch();
  target_ = std::string(view(parser_->get().target()));
  if (ec == beast::error::timeout) {
    engine_->metrics.refused("slow_request");
    return close();
  }
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    engine_->metrics.refused("header_too_large");
    return answer_and_close(problem(431, "header-too-large", "Request header too large",
                                    "request line and header fields together have at most " +
                                        std::to_string(engine_->options.max_header_bytes) +
                                        " bytes",
                                    target_));
  }
  if (ec == http::error::body_limit) {
    engine_->metrics.refused("body_too_large");
    return answer_and_close(problem(
        413, "body-too-large", "Request body too large",
        "a request body has at most " + std::to_string(engine_->options.max_body_bytes) + " bytes",
        target_));
  }
  if (ec.category() == http::make_error_code(http::error::bad_method).category() &&
      ec != http::error::end_of_stream && ec != http::error::partial_message) {
    engine_->metrics.refused("bad_http");
    return answer_and_close(problem(400, "bad-http", "Not HTTP",
                                    "the request cannot be read as HTTP/1.1: " + ec.message(),
                                    target_));
  }
  close();
}

void http_connection::dispatch() {
  engine_->works(this);
  engine_->metrics.requests.add();
  stream_->layer().expires_never();
  const auto& message = parser_->get();
  target_ = std::string(view(message.target()));
  const bool last = ++requests_ >= engine_->options.max_requests;
  if (last) engine_->metrics.refused("request_limit");
  keep_alive_ = message.keep_alive() && !last && !engine_->stopping;
  head_ = message.method() == http::verb::head;
  version_ = message.version();

  const auto host = view(message[http::field::host]);
  const auto& options = engine_->options;
  if (engine_->check_hosts && !host_allowed(host, options.allowed_hosts)) {
    engine_->metrics.refused("host");
    return answer_and_close(problem(
        421, "unknown-host", "Not served under this name",
        "host '" + std::string(host) + "' is no loopback name; add it to web.hosts", target_));
  }
  auto request = parse_target(target_);
  if (!request) {
    engine_->metrics.refused("bad_target");
    return answer_and_close(
        problem(400, "bad-target", "Bad request target", request.error().message, target_));
  }
  request->origin = std::string(view(message[http::field::origin]));
  request->authorization = runtime::secret(std::string(view(message[http::field::authorization])));
  request->address = address_;
  request->encrypted = stream_->encrypted();
  if (auto* gateway = engine_->gateway_of(request->path))
    return upgrade(*gateway, std::move(*request));

  request->method = std::string(view(message.method_string()));
  request->content_type = std::string(view(message[http::field::content_type]));
  request->body = std::move(parser_->get().body());
  request->if_none_match = std::string(view(message[http::field::if_none_match]));
  request->accept = std::string(view(message[http::field::accept]));
  request->accept_encoding = std::string(view(message[http::field::accept_encoding]));
  request->kite_version = std::string(view(message["X-Kite-Version"]));
  pending_ = std::make_shared<pending>(shared_from_this(), engine_);
  const responder respond(pending_);
  respond.limit(options.answer_timeout, "the answer took too long; ask for less, or try again");
  try {
    engine_->handler(*request, respond);
  } catch (const std::exception& e) {
    respond(problem(500, "internal", "Internal error", e.what(), target_));
  }
}

void http_connection::answer_and_close(http_response r) {
  keep_alive_ = false;
  answer(std::move(r));
}

void http_connection::answer(http_response r) {
  pending_.reset();
  answer_deadline_.cancel();
  if (r.rest) return start_chunks(std::move(r));
  stream_->layer().expires_after(engine_->options.idle_timeout);
  const auto done = [self = shared_from_this()](auto message, boost::system::error_code ec) {
    const bool again = !ec && message->keep_alive();
    message.reset();
    self->answered(ec, again);
  };
  if (head_ || r.status == 304) {
    auto message = std::make_shared<http::response<http::empty_body>>();
    set_fields(*message, r, version_, keep_alive_);
    if (r.status != 304) message->content_length(r.body.size());
    http::async_write(*stream_, *message,
                      [done, message](boost::system::error_code ec, std::size_t) mutable {
                        done(std::move(message), ec);
                      });
  } else {
    auto message = std::make_shared<http::response<http::string_body>>();
    set_fields(*message, r, version_, keep_alive_);
    message->body() = std::move(r.body);
    message->prepare_payload();
    http::async_write(*stream_, *message,
                      [done, message](boost::system::error_code ec, std::size_t) mutable {
                        done(std::move(message), ec);
                      });
  }
}

void http_connection::answered(boost::system::error_code ec, bool again) {
  parser_.reset();
  if (ec == beast::error::timeout) engine_->metrics.refused("slow_reader");
  if (ec) return close();
  if (!again) return linger();
  if (engine_->stopping) return close();
  await_request(engine_->options.idle_timeout);
}

void http_connection::upgrade(messages::gateway& gateway, http_request request) {
  const auto& message = parser_->get();
  const auto header = [&](http::field f) { return view(message[f]); };
  const auto refuse = [&](std::string_view cause, http_response r) {
    engine_->metrics.refused(cause);
    answer_and_close(std::move(r));
  };
  if (message.method() != http::verb::get) {
    http_response r = problem(405, "method-not-allowed", "Method not allowed",
                              "the stream is opened with GET", target_);
    r.headers.emplace_back("Allow", "GET");
    return refuse("bad_upgrade", std::move(r));
  }
  if (message.version() < 11 || !has_token(header(http::field::connection), "upgrade") ||
      !has_token(header(http::field::upgrade), "websocket") ||
      header(http::field::sec_websocket_version) != "13") {
    http_response r = problem(426, "upgrade-required", "WebSocket required",
                              "open this address as a WebSocket (RFC 6455, version 13)", target_);
    r.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
    return refuse("bad_upgrade", std::move(r));
  }
  const auto accept = websocket_accept(header(http::field::sec_websocket_key));
  if (!accept)
    return refuse("bad_upgrade", problem(400, "bad-websocket-key", "Bad WebSocket handshake",
                                         "Sec-WebSocket-Key is not 16 bytes in base64", target_));
  const std::string& origin = request.origin;
  if (!origin_allowed(origin, header(http::field::host), stream_->encrypted(),
                      engine_->options.allowed_origins))
    return refuse("origin", problem(403, "origin-not-allowed", "Origin not allowed",
                                    "pages of '" + origin +
                                        "' may not open WebSockets here; add it to web.origins",
                                    target_));
  if (engine_->session_count >= engine_->options.max_sessions || engine_->stopping) {
    http_response r =
        problem(503, "too-many-sessions", "No room for another session",
                "web.max_sessions = " + std::to_string(engine_->options.max_sessions) +
                    " sessions are open; close one, or raise the limit",
                target_);
    r.headers.emplace_back("Retry-After", "5");
    return refuse("too_many_sessions", std::move(r));
  }

  messages::opening how;
  how.path = std::move(request.path);
  how.query = std::move(request.query);
  how.origin = std::move(request.origin);
  how.authorization = std::move(request.authorization);
  how.address = address_;
  how.encrypted = stream_->encrypted();
  if (auto no = gateway.rejects(how)) {
    http_response r{no->status, "application/json", std::move(no->json), {}};
    if (no->status == 429 || no->status == 503) r.headers.emplace_back("Retry-After", "5");
    return refuse("rejected", std::move(r));
  }

  // Offered subprotocols may come in several header fields.
  std::vector<std::string> offered;
  const auto offers = message.equal_range(http::field::sec_websocket_protocol);
  for (auto it = offers.first; it != offers.second; ++it) offered.emplace_back(view(it->value()));
  const auto chosen = choose_subprotocol(offered, gateway.subprotocols());

  auto response = std::make_shared<std::string>(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Server: artham\r\nSec-WebSocket-Accept: " +
      *accept + "\r\n");
  std::vector<std::string> extensions;
  const auto wishes = message.equal_range(http::field::sec_websocket_extensions);
  for (auto it = wishes.first; engine_->options.compression && it != wishes.second; ++it)
    extensions.emplace_back(view(it->value()));
  const auto deflate = agree_on_deflate(extensions);
  if (deflate) *response += "Sec-WebSocket-Extensions: " + *deflate + "\r\n";
  if (chosen) *response += "Sec-WebSocket-Protocol: " + chosen->name + "\r\n";
  *response += "\r\n";

  // From here the socket is the WebSocket's; bytes that came with the request go along.
  const auto early = buffer_.cdata();
  if (chosen) how.subprotocol = chosen->name;
  auto next = std::make_shared<websocket_connection>(
      engine_, std::move(stream_), std::move(admission_), gateway, std::move(how),
      chosen && chosen->binary_commands, deflate.has_value(),
      std::string(static_cast<const char*>(early.data()), early.size()));
  engine_->add(next.get(), next);
  next->start(std::move(*response));
  close();
}

void http_connection::linger() {
  engine_->waits(this);
  stream_->layer().expires_after(engine_->options.close_timeout);
  if (!stream_->encrypted()) return discard();
  stream_->async_shutdown([self = shared_from_this()](boost::system::error_code) {
    if (self->stream_->layer().socket().is_open()) return self->discard();
    self->close();
  });
}

/// What the client still sends is read, below TLS, until it has seen the answer.
void http_connection::discard() {
  boost::system::error_code ec;
  stream_->layer().socket().shutdown(tcp::socket::shutdown_send, ec);
  if (ec) return close();
  stream_->layer().expires_after(engine_->options.close_timeout);
  stream_->layer().async_read_some(
      asio::buffer(scratch_),
      [self = shared_from_this()](boost::system::error_code error, std::size_t n) {
        self->discarded_ += n;
        if (error || self->discarded_ > max_discarded) return self->close();
        self->discard();
      });
}

}  // namespace artham::web

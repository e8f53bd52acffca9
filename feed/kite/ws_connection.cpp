#include "feed/kite/ws_connection.hpp"

#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket.hpp>

#include "feed/kite/any_stream.hpp"
#include "feed/kite/text_frame.hpp"
#include "net/tls_client.hpp"

namespace artham::feed::kite {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using boost::system::error_code;

bool is_http_error(const error_code& ec) {
  return ec.category() == beast::http::make_error_code(beast::http::error::bad_version).category();
}

class connection final : public ws_connection, public std::enable_shared_from_this<connection> {
 public:
  connection(asio::io_context& io, endpoint server, std::shared_ptr<asio::ssl::context> tls,
             std::size_t max_message, handler& h)
      : server_(std::move(server)),
        tls_(std::move(tls)),
        resolver_(io),
        ws_(io, tls_.get()),
        handler_(&h) {
    ws_.read_message_max(max_message);
    ws_.auto_fragment(false);
    ws_.text(true);
    ws_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
      request.set("X-Kite-Version", "3");
      request.set(beast::http::field::user_agent, "artham");
    }));
  }

  void open(std::string target) override {
    target_ = std::move(target);
    // Ours is destroyed later than the stream that calls it.
    ws_.control_callback([this](websocket::frame_type, beast::string_view) {
      if (handler_ != nullptr) handler_->on_control();
    });
    if (server_.is_address()) {
      connect(tcp::endpoint(asio::ip::make_address(server_.host), server_.port));
      return;
    }
    step_ = "resolving the name";
    resolver_.async_resolve(
        server_.host, std::to_string(server_.port),
        [self = shared_from_this()](error_code ec, const tcp::resolver::results_type& found) {
          if (!self->ok(ec)) return;
          self->step_ = "connecting";
          beast::get_lowest_layer(self->ws_).async_connect(
              found, [self](error_code e, const tcp::endpoint&) { self->connected(e); });
        });
  }

  void read() override {
    ws_.async_read(buffer_, [self = shared_from_this()](error_code ec, std::size_t) {
      if (!self->ok(ec)) return;
      std::string payload(static_cast<const char*>(self->buffer_.data().data()),
                          self->buffer_.size());
      self->buffer_.clear();
      self->handler_->on_message(self->ws_.got_binary(), std::move(payload));
    });
  }

  void write(std::string message) override {
    outgoing_ = std::move(message);
    ws_.async_write(asio::buffer(outgoing_),
                    [self = shared_from_this()](error_code ec, std::size_t) {
                      if (self->ok(ec)) self->handler_->on_written();
                    });
  }

  void close() override {
    ws_.async_close(websocket::close_code::normal, [self = shared_from_this()](error_code ec) {
      if (!ec) ec = websocket::error::closed;
      self->ok(ec);
    });
  }

  void abort() override {
    handler_ = nullptr;
    resolver_.cancel();
    beast::get_lowest_layer(ws_).close();
  }

  std::string_view step() const override { return step_; }

 private:
  void connect(const tcp::endpoint& address) {
    step_ = "connecting";
    beast::get_lowest_layer(ws_).async_connect(
        address, [self = shared_from_this()](error_code ec) { self->connected(ec); });
  }

  void connected(error_code ec) {
    if (!ok(ec)) return;
    beast::get_lowest_layer(ws_).socket().set_option(tcp::no_delay(true), ec);
    auto* const tls = ws_.next_layer().tls();
    if (tls == nullptr) return upgrade();
    step_ = "the TLS handshake";
    if (!net::expect_host(tls, server_.host)) {
      end({connection_failure::kind::lost, 0, "TLS cannot verify this host name"});
      return;
    }
    ws_.next_layer().async_handshake(asio::ssl::stream_base::client,
                                     [self = shared_from_this()](error_code e) {
                                       if (self->ok(e)) self->upgrade();
                                     });
  }

  void upgrade() {
    step_ = "the WebSocket handshake";
    ws_.async_handshake(response_, server_.authority(), target_,
                        [self = shared_from_this()](error_code ec) {
                          if (!self->ok(ec)) return;
                          self->step_ = "reading";
                          self->handler_->on_open();
                        });
  }

  /// True to go on. Otherwise the owner has been told, unless it does not want to know any more.
  bool ok(error_code ec) {
    if (handler_ == nullptr) return false;
    if (!ec) return true;
    end(describe(ec));
    return false;
  }

  connection_failure describe(const error_code& ec) const {
    using kind = connection_failure::kind;
    if (ec == websocket::error::upgrade_declined) {
      const int status = static_cast<int>(response_.result_int());
      std::string detail = "HTTP " + std::to_string(status);
      if (const auto why = error_message(response_.body()); !why.empty()) detail += ": " + why;
      return {kind::refused, status, std::move(detail)};
    }
    if (ec == websocket::error::closed) {
      const auto& reason = ws_.reason();
      std::string detail = "closed by the peer";
      if (reason.code != websocket::close_code::none) {
        detail += " with code " + std::to_string(reason.code);
      }
      return {kind::lost, 0, std::move(detail)};
    }
    if (ec == websocket::error::message_too_big || ec == websocket::error::buffer_overflow ||
        ec == websocket::condition::protocol_violation ||
        ec == websocket::condition::handshake_failed ||
        (is_http_error(ec) && ec != beast::http::error::end_of_stream)) {
      return {kind::protocol, 0, std::string(step_) + ": " + ec.message()};
    }
    return {kind::lost, 0, std::string(step_) + ": " + ec.message()};
  }

  void end(connection_failure failure) {
    auto* const owner = std::exchange(handler_, nullptr);
    beast::get_lowest_layer(ws_).close();
    owner->on_failure(std::move(failure));
  }

  endpoint server_;
  std::shared_ptr<asio::ssl::context> tls_;
  tcp::resolver resolver_;
  websocket::stream<any_stream, false> ws_;
  handler* handler_;
  websocket::response_type response_;
  beast::flat_buffer buffer_;
  std::string target_;
  std::string outgoing_;
  std::string_view step_ = "opening";
};

}  // namespace

std::shared_ptr<ws_connection> make_ws_connection(asio::io_context& io, endpoint server,
                                                  std::shared_ptr<asio::ssl::context> tls,
                                                  std::size_t max_message,
                                                  ws_connection::handler& h) {
  if (!server.tls) tls = nullptr;
  return std::make_shared<connection>(io, std::move(server), std::move(tls), max_message, h);
}

}  // namespace artham::feed::kite

#include "exchange/ws_client.hpp"

#include <utility>

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

namespace artham::exchange {

namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

namespace {

/// Room for a subscription of some 300,000 tokens.
constexpr std::size_t longest_request = std::size_t{4} << 20;

}  // namespace

ws_client::ws_client(beast::tcp_stream stream, exchange::ticker& t, std::shared_ptr<void> socket)
    : ws_(std::move(stream)), ticker_(t), socket_(std::move(socket)) {}

void ws_client::run(const beast::http::request<beast::http::string_body>& handshake) {
  beast::get_lowest_layer(ws_).expires_never();
  auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::server);
  timeouts.idle_timeout =
      websocket::stream_base::none();  // who does not read is dropped by the ticker
  ws_.set_option(timeouts);
  ws_.read_message_max(longest_request);
  ws_.auto_fragment(false);
  error_code ignored;
  beast::get_lowest_layer(ws_).socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  ws_.async_accept(handshake, [self = shared_from_this()](error_code failed) {
    if (!failed && self->open_) {
      self->ticker_.join(self);
      self->read();
    }
  });
}

void ws_client::read() {
  ws_.async_read(received_, [self = shared_from_this()](error_code failed, std::size_t) {
    if (failed) {
      self->drop();
      self->ticker_.leave(*self);
      return;
    }
    // Kite takes text only; a binary message is answered like text that it cannot read.
    const auto text =
        self->ws_.got_text() ? beast::buffers_to_string(self->received_.data()) : std::string();
    self->received_.consume(self->received_.size());
    self->ticker_.on_request(*self, text);
    self->read();
  });
}

void ws_client::send(message_ptr m) {
  if (!open_) {
    return;
  }
  queued_ += m->bytes.size();
  queue_.push_back(std::move(m));
  if (queue_.size() == 1) {
    write();
  }
}

void ws_client::write() {
  const auto& m = *queue_.front();
  ws_.text(m.text);
  ws_.async_write(boost::asio::buffer(m.bytes),
                  [self = shared_from_this()](error_code failed, std::size_t) {
                    if (failed || !self->open_) {
                      self->drop();
                      return;
                    }
                    self->queued_ -= self->queue_.front()->bytes.size();
                    self->queue_.pop_front();
                    if (!self->queue_.empty()) {
                      self->write();
                    }
                    self->ticker_.on_drained();
                  });
}

void ws_client::drop() {
  if (!std::exchange(open_, false)) {
    return;
  }
  queued_ = 0;
  socket_ = nullptr;
  error_code ignored;
  beast::get_lowest_layer(ws_).socket().close(ignored);
}

}  // namespace artham::exchange

#pragma once

#include <deque>
#include <string>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "exchange/client.hpp"
#include "exchange/ticker.hpp"

namespace artham::exchange {

/// A ticker client's WebSocket. Holds itself alive while it reads; the ticker outlives its
/// handlers.
class ws_client final : public client, public std::enable_shared_from_this<ws_client> {
 public:
  /// `socket` of the ticker is held until the connection ends.
  ws_client(boost::beast::tcp_stream stream, exchange::ticker& t, std::shared_ptr<void> socket);

  /// Answers the handshake, joins the ticker, reads until the end, leaves it.
  void run(const boost::beast::http::request<boost::beast::http::string_body>& handshake);

  void send(message_ptr m) override;
  [[nodiscard]] std::size_t queued() const override { return queued_; }
  [[nodiscard]] bool is_open() const override { return open_; }
  void drop() override;

 private:
  void read();
  void write();

  boost::beast::websocket::stream<boost::beast::tcp_stream, false> ws_;
  exchange::ticker& ticker_;
  std::shared_ptr<void> socket_;
  boost::beast::flat_buffer received_;
  std::deque<message_ptr> queue_;
  std::size_t queued_ = 0;
  bool open_ = true;
};

}  // namespace artham::exchange

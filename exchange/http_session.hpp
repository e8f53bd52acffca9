#pragma once

#include <memory>
#include <optional>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "exchange/options.hpp"
#include "exchange/rest.hpp"
#include "exchange/ticker.hpp"

namespace artham::exchange {

/// A connection as long as it speaks HTTP: answers REST calls, or becomes a ticker's WebSocket.
class http_session : public std::enable_shared_from_this<http_session> {
 public:
  http_session(boost::asio::ip::tcp::socket socket, const options& o, const exchange::rest& r,
               exchange::ticker& t);
  void run();

 private:
  using request = boost::beast::http::request<boost::beast::http::string_body>;

  void handshake(const request& r);
  [[nodiscard]] rest_reply answer(const request& r);
  [[nodiscard]] rest_reply control(const request& r);
  void reply(const request& r, rest_reply a);

  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer received_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  boost::beast::http::response<boost::beast::http::string_body> response_;
  const options& options_;
  const exchange::rest& rest_;
  exchange::ticker& ticker_;
};

}  // namespace artham::exchange

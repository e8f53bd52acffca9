#include "tests/support/ws_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

namespace artham::test {

namespace beast = boost::beast;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

struct ws_client::impl {
  asio::io_context io;
  beast::websocket::stream<beast::tcp_stream, false> ws{io};
  beast::flat_buffer buffer;
};

ws_client::ws_client(std::uint16_t port, const std::string& path)
    : impl_(std::make_unique<impl>()) {
  impl_->ws.next_layer().connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
  impl_->ws.set_option(
      beast::websocket::stream_base::decorator([](beast::websocket::request_type& r) {
        r.set(beast::http::field::sec_websocket_protocol, "artham.v1.json");
      }));
  impl_->ws.read_message_max(64U << 20U);
  impl_->ws.handshake("127.0.0.1:" + std::to_string(port), path);
}

ws_client::~ws_client() {
  beast::error_code ec;
  impl_->ws.next_layer().socket().close(ec);
}

void ws_client::send(const std::string& text) {
  impl_->ws.text(true);
  impl_->ws.write(asio::buffer(text));
}

void ws_client::send_binary(const std::string& bytes) {
  impl_->ws.binary(true);
  impl_->ws.write(asio::buffer(bytes));
}

std::optional<nlohmann::json> ws_client::next(std::chrono::seconds limit) {
  const auto bytes = next_bytes(limit);
  if (!bytes) return std::nullopt;
  return nlohmann::json::parse(*bytes, nullptr, false);
}

std::optional<std::string> ws_client::next_bytes(std::chrono::seconds limit) {
  impl_->buffer.clear();
  bool done = false;
  beast::error_code result;
  impl_->ws.async_read(impl_->buffer, [&](beast::error_code ec, std::size_t) {
    result = ec;
    done = true;
  });
  impl_->io.restart();
  impl_->io.run_for(limit);
  if (!done) {
    beast::error_code ec;
    impl_->ws.next_layer().socket().close(ec);
    impl_->io.restart();
    impl_->io.run();
    return std::nullopt;
  }
  if (result) return std::nullopt;
  return beast::buffers_to_string(impl_->buffer.data());
}

unsigned ws_client::close_code() const {
  return impl_->ws.reason().code;
}

http_answer http_get(std::uint16_t port, const std::string& target) {
  asio::io_context io;
  beast::tcp_stream stream(io);
  stream.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
  beast::http::request<beast::http::empty_body> request(beast::http::verb::get, target, 11);
  request.set(beast::http::field::host, "127.0.0.1:" + std::to_string(port));
  beast::http::write(stream, request);
  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(256U << 20U);
  beast::http::read(stream, buffer, parser);
  return {static_cast<int>(parser.get().result_int()), parser.get().body()};
}

}  // namespace artham::test

#include "tests/exchange/kite_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <nlohmann/json.hpp>

#include "feed/kite/codec.hpp"

namespace artham::exchange::test {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

std::optional<market::timestamp> received::clock() const {
  const auto json = text ? nlohmann::json::parse(bytes, nullptr, false) : nlohmann::json();
  if (!json.is_object() || json.value("type", "") != "artham_clock") {
    return std::nullopt;
  }
  return std::stoll(json["data"]["market_time_ns"].get<std::string>());
}

struct kite_client::impl {
  asio::io_context io;
  beast::websocket::stream<tcp::socket, false> ws{io};
  beast::flat_buffer buffer;
  bool reading = false;
  bool done = false;
  error_code result;
};

kite_client::kite_client(std::uint16_t port, const std::string& target)
    : impl_(std::make_unique<impl>()) {
  auto& ws = impl_->ws;
  ws.read_message_max(std::size_t{64} << 20);
  ws.next_layer().connect({asio::ip::address_v4::loopback(), port});
  beast::websocket::response_type answer;
  error_code failed;
  ws.handshake(answer, "127.0.0.1", target, failed);
  status_ = answer.result_int();
  closed_ = status_ != 101;
}

kite_client::~kite_client() {
  error_code ignored;
  impl_->ws.next_layer().close(ignored);
  impl_->io.run();
}

void kite_client::send(std::string_view text) {
  error_code failed;
  impl_->ws.text(true);
  impl_->ws.write(asio::buffer(text), failed);
}

void kite_client::send_binary(std::string_view bytes) {
  error_code failed;
  impl_->ws.binary(true);
  impl_->ws.write(asio::buffer(bytes), failed);
}

void kite_client::subscribe(const std::vector<std::uint32_t>& tokens) {
  send(nlohmann::json{{"a", "subscribe"}, {"v", tokens}}.dump());
}
void kite_client::unsubscribe(const std::vector<std::uint32_t>& tokens) {
  send(nlohmann::json{{"a", "unsubscribe"}, {"v", tokens}}.dump());
}
void kite_client::set_mode(std::string_view mode, const std::vector<std::uint32_t>& tokens) {
  send(nlohmann::json{{"a", "mode"}, {"v", {mode, tokens}}}.dump());
}

std::optional<received> kite_client::read(std::chrono::milliseconds patience) {
  if (closed_) {
    return std::nullopt;
  }
  auto& self = *impl_;
  if (!self.reading) {
    self.reading = true;
    self.done = false;
    self.ws.async_read(self.buffer, [&self](error_code failed, std::size_t) {
      self.done = true;
      self.reading = false;
      self.result = failed;
    });
  }
  self.io.restart();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!self.done && self.io.run_one_until(deadline) != 0) {
  }
  if (!self.done) {
    return std::nullopt;
  }
  if (self.result) {
    closed_ = true;
    return std::nullopt;
  }
  received out{beast::buffers_to_string(self.buffer.data()), self.ws.got_text()};
  self.buffer.consume(self.buffer.size());
  return out;
}

std::optional<received> kite_client::read_frame() {
  auto message = read();
  while (message && !message->is_frame()) {
    message = read();
  }
  return message;
}

http_reply http(std::uint16_t port, const std::string& method, const std::string& target,
                const std::string& body,
                const std::vector<std::pair<std::string, std::string>>& headers) {
  namespace web = beast::http;
  asio::io_context io;
  beast::tcp_stream stream(io);
  stream.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
  web::request<web::string_body> request;
  request.method_string(method);
  request.target(target);
  request.set(web::field::host, "127.0.0.1");
  for (const auto& [name, value] : headers) {
    request.set(name, value);
  }
  request.body() = body;
  request.prepare_payload();
  web::write(stream, request);
  beast::flat_buffer buffer;
  web::response<web::string_body> reply;
  web::read(stream, buffer, reply);
  return {reply.result_int(), std::string(reply[web::field::content_type]),
          std::string(reply[web::field::content_encoding]), reply.body()};
}

std::vector<std::string> packets_of(std::string_view frame) {
  std::vector<std::string> out;
  feed::kite::for_each_packet(frame, [&](std::string_view p) { out.emplace_back(p); });
  return out;
}

}  // namespace artham::exchange::test

#include "exchange/http_session.hpp"

#include <utility>

#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "exchange/ws_client.hpp"

namespace artham::exchange {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t longest_body = std::size_t{64} << 10;
constexpr auto patience = std::chrono::seconds(10);
constexpr std::size_t most_clients = 1000;

}  // namespace

http_session::http_session(boost::asio::ip::tcp::socket socket, const options& o,
                           const exchange::rest& r, exchange::ticker& t)
    : stream_(std::move(socket)), options_(o), rest_(r), ticker_(t) {}

void http_session::run() {
  parser_.emplace();
  parser_->body_limit(longest_body);
  stream_.expires_after(patience);
  http::async_read(stream_, received_, *parser_,
                   [self = shared_from_this()](error_code failed, std::size_t) {
                     if (failed) {
                       return;  // the socket closes with the session
                     }
                     const auto& r = self->parser_->get();
                     if (beast::websocket::is_upgrade(r)) {
                       self->handshake(r);
                     } else {
                       self->reply(r, self->answer(r));
                     }
                   });
}

void http_session::handshake(const request& r) {
  const std::string target(r.target());
  if (target.substr(0, target.find('?')) != "/") {
    reply(r, rest::error(404, "GeneralException", "the ticker is at /"));
  } else if (const auto status = ticker_.reject_status(); status != 0) {
    reply(r, status == 429
                 ? rest::error(429, "NetworkException", "Too many requests")
                 : rest::error(status, "TokenException", "Token is invalid or has expired."));
  } else if (!rest_.admits(target)) {
    reply(r, rest::error(403, "TokenException", "Incorrect `api_key` or `access_token`."));
  } else if (ticker_.clients() >= most_clients) {
    reply(r, rest::error(429, "NetworkException", "Too many requests"));
  } else if (auto socket = ticker_.take_socket(rest::key_of(target)); !socket) {
    reply(r, rest::error(429, "NetworkException", "Too many requests"));
  } else {
    std::make_shared<ws_client>(std::move(stream_), ticker_, std::move(socket))->run(r);
  }
}

rest_reply http_session::answer(const request& r) {
  if (options_.control && r.target() == "/control") {
    return control(r);
  }
  const auto header = [&](http::field name) {
    const auto found = r.find(name);
    return found == r.end() ? std::string() : std::string(found->value());
  };
  return rest_.answer({std::string(r.method_string()), std::string(r.target()), r.body(),
                       header(http::field::authorization),
                       header(http::field::accept_encoding).find("gzip") != std::string::npos});
}

rest_reply http_session::control(const request& r) {
  if (r.method() != http::verb::post) {
    return rest::error(405, "InputException", "/control takes POST");
  }
  const auto wanted = parse_misbehaviour(r.body());
  if (!wanted) {
    return rest::error(400, "InputException", wanted.error().message);
  }
  ticker_.misbehave(*wanted);
  return rest::success("true");
}

void http_session::reply(const request& r, rest_reply a) {
  response_ = {};
  response_.version(r.version());
  response_.result(a.status);
  response_.keep_alive(r.keep_alive() && !beast::websocket::is_upgrade(r));
  response_.set(http::field::content_type, a.content_type);
  if (a.gzip) {
    response_.set(http::field::content_encoding, "gzip");
  }
  response_.body() = std::move(a.body);
  response_.prepare_payload();
  http::async_write(stream_, response_,
                    [self = shared_from_this()](error_code failed, std::size_t) {
                      if (!failed && self->response_.keep_alive()) {
                        self->run();
                      }
                    });
}

}  // namespace artham::exchange

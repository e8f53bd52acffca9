#include "feed/kite/any_stream.hpp"

#include <variant>

#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>

namespace artham::feed::kite {

namespace beast = boost::beast;

namespace {

using plain = beast::tcp_stream;
using secured = beast::ssl_stream<beast::tcp_stream>;

}  // namespace

struct any_stream::layers {
  std::variant<plain, secured> stream;

  template <class From>
  layers(From&& from, boost::asio::ssl::context* tls)
      : stream(tls != nullptr
                   ? decltype(stream)(std::in_place_type<secured>, std::forward<From>(from), *tls)
                   : decltype(stream)(std::in_place_type<plain>, std::forward<From>(from))) {}
};

any_stream::any_stream(boost::asio::io_context& io, boost::asio::ssl::context* tls)
    : layers_(std::make_unique<layers>(io, tls)) {}

any_stream::any_stream(beast::tcp_stream connected, boost::asio::ssl::context* tls)
    : layers_(std::make_unique<layers>(std::move(connected), tls)) {}

any_stream::any_stream(any_stream&&) noexcept = default;
any_stream::~any_stream() = default;

any_stream::executor_type any_stream::get_executor() noexcept {
  return next_layer().get_executor();
}

any_stream::next_layer_type& any_stream::next_layer() {
  return std::visit([](auto& s) -> plain& { return beast::get_lowest_layer(s); }, layers_->stream);
}

SSL* any_stream::tls() {
  auto* const s = std::get_if<secured>(&layers_->stream);
  return s != nullptr ? s->native_handle() : nullptr;
}

void any_stream::read_some(const mutable_list& buffers, on_transferred done) {
  std::visit([&](auto& s) { s.async_read_some(buffers, std::move(done)); }, layers_->stream);
}

void any_stream::write_some(const const_list& buffers, on_transferred done) {
  std::visit([&](auto& s) { s.async_write_some(buffers, std::move(done)); }, layers_->stream);
}

void any_stream::handshake(boost::asio::ssl::stream_base::handshake_type type, on_done done) {
  std::get<secured>(layers_->stream).async_handshake(type, std::move(done));
}

void any_stream::shut_down(beast::role_type role, on_done done) {
  if (auto* const s = std::get_if<secured>(&layers_->stream)) {
    async_teardown(role, *s, std::move(done));
  } else {
    beast::websocket::async_teardown(role, next_layer().socket(), std::move(done));
  }
}

}  // namespace artham::feed::kite

#pragma once

#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>

namespace artham::web {

/// A client's TCP connection, with TLS on it or without. Its io_context's one thread only.
class stream {
 public:
  using error_code = boost::system::error_code;
  using layer_type = boost::beast::tcp_stream;
  using executor_type = layer_type::executor_type;

  /// With TLS when there is a context, which need not outlive it.
  stream(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls)
      : layer_(std::move(socket)) {
    if (tls != nullptr) tls_.emplace(layer_, *tls);
  }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  [[nodiscard]] executor_type get_executor() noexcept { return layer_.get_executor(); }
  /// Below TLS. Its time limits are in force for what is done here.
  [[nodiscard]] layer_type& layer() { return layer_; }
  [[nodiscard]] bool encrypted() const { return tls_.has_value(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (tls_)
            tls_->async_read_some(into, std::move(handler));
          else
            layer_.async_read_some(into, std::move(handler));
        },
        token, buffers);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          if (tls_)
            tls_->async_write_some(from, std::move(handler));
          else
            layer_.async_write_some(from, std::move(handler));
        },
        token, buffers);
  }
  /// Only with TLS.
  template <class Handler>
  void async_handshake(Handler&& done) {
    tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Handler>(done));
  }
  /// Only with TLS: says that nothing more comes, and waits for the peer to say so too.
  template <class Handler>
  void async_shutdown(Handler&& done) {
    tls_->async_shutdown(std::forward<Handler>(done));
  }

 private:
  layer_type layer_;
  std::optional<boost::asio::ssl::stream<layer_type&>> tls_;
};

}  // namespace artham::web

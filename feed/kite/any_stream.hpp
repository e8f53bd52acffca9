#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/tcp_stream.hpp>

namespace artham::feed::kite {

/// A TCP connection with or without TLS on it, for io_contexts that one thread runs. What stands
/// on it (HTTP, WebSocket) is compiled once for both, as its operations are calls, not templates.
class any_stream {
 public:
  using error_code = boost::system::error_code;
  using executor_type = boost::beast::tcp_stream::executor_type;
  using next_layer_type = boost::beast::tcp_stream;
  using on_transferred = std::function<void(error_code, std::size_t)>;
  using on_done = std::function<void(error_code)>;

  /// With TLS when there is a context.
  any_stream(boost::asio::io_context& io, boost::asio::ssl::context* tls);
  any_stream(boost::beast::tcp_stream connected, boost::asio::ssl::context* tls);
  any_stream(any_stream&&) noexcept;
  ~any_stream();

  [[nodiscard]] executor_type get_executor() noexcept;
  [[nodiscard]] next_layer_type& next_layer();
  /// Null without TLS.
  [[nodiscard]] SSL* tls();

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const mutable_list& list) {
          read_some(list, call_of<std::size_t>(std::move(handler)));
        },
        token, mutable_list(buffers));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const const_list& list) {
          write_some(list, call_of<std::size_t>(std::move(handler)));
        },
        token, const_list(buffers));
  }
  /// Only with TLS.
  template <class Token>
  auto async_handshake(boost::asio::ssl::stream_base::handshake_type type, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this, type](auto handler) { handshake(type, call_of<>(std::move(handler))); }, token);
  }

  /// What Beast's WebSocket ends a connection with.
  template <class Handler>
  friend void async_teardown(boost::beast::role_type role, any_stream& stream, Handler&& handler) {
    stream.shut_down(role, call_of<>(std::forward<Handler>(handler)));
  }

 private:
  /// The first buffers of a sequence; the rest goes with the next call.
  template <class Buffer>
  class buffer_list {
   public:
    using value_type = Buffer;
    using const_iterator = const Buffer*;

    template <class Buffers>
    explicit buffer_list(const Buffers& all) {
      const auto end = boost::asio::buffer_sequence_end(all);
      for (auto it = boost::asio::buffer_sequence_begin(all); it != end && count_ < buffers_.size();
           ++it) {
        const Buffer b(*it);
        if (b.size() != 0) buffers_[count_++] = b;
      }
    }
    [[nodiscard]] const_iterator begin() const { return buffers_.data(); }
    [[nodiscard]] const_iterator end() const { return buffers_.data() + count_; }

   private:
    std::array<Buffer, 8> buffers_;
    std::size_t count_ = 0;
  };
  using mutable_list = buffer_list<boost::asio::mutable_buffer>;
  using const_list = buffer_list<boost::asio::const_buffer>;

  /// A handler, which need not be copyable, as a function. It is gone when it is called, as it may
  /// own what it was called for.
  template <class... Args, class Handler>
  static std::function<void(error_code, Args...)> call_of(Handler&& handler) {
    auto kept = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
    return [kept = std::move(kept)](error_code ec, Args... args) mutable {
      auto h = std::move(*kept);
      kept.reset();
      std::move(h)(ec, args...);
    };
  }

  void read_some(const mutable_list& buffers, on_transferred done);
  void write_some(const const_list& buffers, on_transferred done);
  void handshake(boost::asio::ssl::stream_base::handshake_type type, on_done done);
  void shut_down(boost::beast::role_type role, on_done done);

  struct layers;
  std::unique_ptr<layers> layers_;
};

}  // namespace artham::feed::kite

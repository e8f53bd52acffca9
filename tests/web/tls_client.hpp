#pragma once

#include <memory>
#include <string>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace artham::web::testing {

/// OpenSSL's client, which trusts one authority.
class tls_client {
 public:
  using ssl_stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

  tls_client(std::uint16_t port, const std::string& authority, int newest = TLS1_3_VERSION) {
    context_.load_verify_file(authority);
    context_.set_verify_mode(boost::asio::ssl::verify_peer);
    SSL_CTX_set_max_proto_version(context_.native_handle(), newest);
    // So that the refusal is the server's.
    if (newest < TLS1_2_VERSION) {
      SSL_CTX_set_min_proto_version(context_.native_handle(), newest);
      SSL_CTX_set_security_level(context_.native_handle(), 0);
    }
    stream_ = std::make_unique<ssl_stream>(io_, context_);
    stream_->lowest_layer().connect({boost::asio::ip::address_v4::loopback(), port});
    stream_->handshake(boost::asio::ssl::stream_base::client, failure);
  }
  [[nodiscard]] std::string subject() const {
    const std::unique_ptr<X509, decltype(&X509_free)> peer(
        SSL_get1_peer_certificate(stream_->native_handle()), X509_free);
    char name[200] = "";
    if (peer) X509_NAME_oneline(X509_get_subject_name(peer.get()), name, sizeof name);
    return name;
  }
  /// The whole answer of a request that closes the connection.
  std::string get(const std::string& path) {
    boost::asio::write(*stream_, boost::asio::buffer("GET " + path +
                                                     " HTTP/1.1\r\nHost: desk.example\r\n"
                                                     "Connection: close\r\n\r\n"));
    std::string answer;
    boost::asio::read(*stream_, boost::asio::dynamic_buffer(answer), failure);
    return answer;
  }

  boost::system::error_code failure;
  boost::asio::io_context io_;
  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_client};
  std::unique_ptr<ssl_stream> stream_;
};

}  // namespace artham::web::testing

#include "net/tls_client.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

namespace artham::net {

namespace ssl = boost::asio::ssl;

result<std::shared_ptr<ssl::context>> make_tls_context(const std::string& ca_file) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  boost::system::error_code ec;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                           ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1,
                       ec);
  if (!ec) context->set_verify_mode(ssl::verify_peer, ec);
  if (ec) return fail(errc::io, "TLS cannot be set up: " + ec.message());
  if (ca_file.empty()) {
    context->set_default_verify_paths(ec);
    if (ec) return fail(errc::io, "the system's certificate authorities: " + ec.message());
  } else {
    context->load_verify_file(ca_file, ec);
    if (ec) {
      return fail(errc::usage, "certificate authorities in \"" + ca_file + "\": " + ec.message() +
                                   "; name a readable PEM file");
    }
  }
  return context;
}

bool expect_host(SSL* handle, const std::string& host) {
  X509_VERIFY_PARAM* const verify = SSL_get0_param(handle);
  boost::system::error_code ec;
  boost::asio::ip::make_address(host, ec);
  if (!ec) return X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) == 1;
  return X509_VERIFY_PARAM_set1_host(verify, host.data(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(handle, host.c_str()) == 1;
}

}  // namespace artham::net

#include "web/server/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>

#include <boost/asio/ssl/context.hpp>

#include "runtime/freed_by.hpp"

namespace artham::web {
namespace {

namespace ssl = boost::asio::ssl;
using runtime::freed_by;
using private_key = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using bio = std::unique_ptr<BIO, freed_by<BIO_free_all>>;

/// An encrypted key is refused rather than asked for on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

tl::unexpected<error> refused(std::string_view setting, const std::string& file,
                              const std::string& why) {
  ERR_clear_error();
  return fail(errc::usage, std::string(setting) + " = \"" + file + "\": " + why);
}

result<void> is_file(std::string_view setting, const std::string& file, struct stat& info) {
  const bool there = ::stat(file.c_str(), &info) == 0;
  if (there && S_ISREG(info.st_mode)) return {};
  const std::string why = there ? "is not a file" : std::strerror(errno);
  return refused(setting, file, why + "; name a PEM file that this user may read");
}

result<private_key> read_key(const std::string& file) {
  struct stat info {};
  if (auto there = is_file("web.key", file, info); !there) return tl::unexpected(there.error());
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return refused("web.key", file, "others may read or change it; chmod 600 " + file);
  const bio in(BIO_new_file(file.c_str(), "r"));
  if (!in) return refused("web.key", file, "cannot be read; name one that this user may read");
  private_key key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  if (key) return key;
  return refused("web.key", file,
                 "no private key in it that can be read without a password; write one with openssl "
                 "genpkey");
}

std::int64_t expiry_of(SSL_CTX* context) {
  const X509* certificate = SSL_CTX_get0_certificate(context);
  std::tm broken_down{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &broken_down) != 1)
    return 0;
  return timegm(&broken_down);
}

}  // namespace

result<tls_setup> load_tls(const tls_files& files) {
  for (const auto& [setting, file] :
       {std::pair("web.certificate", &files.certificate), {"web.key", &files.key}})
    if (file->empty())
      return fail(errc::usage,
                  std::string(setting) + " is empty: web.certificate and web.key go together");
  struct stat info {};
  if (auto there = is_file("web.certificate", files.certificate, info); !there)
    return tl::unexpected(there.error());
  const auto key = read_key(files.key);
  if (!key) return tl::unexpected(key.error());

  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(
      raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1)
    return refused("web.certificate", files.certificate,
                   "no certificate in it that can be read; it must be a PEM file with "
                   "-----BEGIN CERTIFICATE-----");
  if (SSL_CTX_use_PrivateKey(raw, key->get()) != 1 || SSL_CTX_check_private_key(raw) != 1)
    return refused("web.key", files.key,
                   "is not the key of web.certificate = \"" + files.certificate +
                       "\"; name the two that were made together");
  ERR_clear_error();
  return tls_setup{std::move(context), expiry_of(raw)};
}

std::string state_of(const tls_files& files) {
  std::string state;
  for (const auto* file : {&files.certificate, &files.key}) {
    struct stat info {};
    if (::stat(file->c_str(), &info) != 0) {
      state += "gone ";
      continue;
    }
    for (const auto n : {static_cast<std::int64_t>(info.st_ino), std::int64_t{info.st_size},
                         std::int64_t{info.st_mtim.tv_sec}, std::int64_t{info.st_mtim.tv_nsec},
                         std::int64_t{info.st_mode}})
      state += std::to_string(n) + " ";
  }
  return state;
}

}  // namespace artham::web

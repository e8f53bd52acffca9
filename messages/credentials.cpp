#include "messages/credentials.hpp"
#include "runtime/freed_by.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

namespace artham::messages {
namespace {

using runtime::freed_by;

using bio = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using certificate = std::unique_ptr<X509, freed_by<X509_free>>;
using private_key = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using trust = std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>>;
using verification = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;

/// An encrypted key is refused rather than asked for on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

result<bio> opened(const std::string& setting, const std::string& file) {
  bio in(BIO_new_file(file.c_str(), "r"));
  struct stat info {};
  if (in && ::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode)) return in;
  const auto why = in ? "is not a file" : std::strerror(errno);
  ERR_clear_error();
  return fail(errc::usage, fmt::format("{} = \"{}\": {}; name a PEM file that this user may read",
                                       setting, file, why));
}

/// The certificates in a file, at least one.
result<std::vector<certificate>> certificates_in(const std::string& setting,
                                                 const std::string& file) {
  auto in = opened(setting, file);
  if (!in) return tl::unexpected(in.error());
  std::vector<certificate> all;
  while (certificate c{PEM_read_bio_X509(in->get(), nullptr, nullptr, nullptr)}) {
    all.push_back(std::move(c));
  }
  ERR_clear_error();
  if (!all.empty()) return all;
  return fail(errc::usage, fmt::format("{} = \"{}\": no certificate in it; it must be a PEM file "
                                       "with -----BEGIN CERTIFICATE-----",
                                       setting, file));
}

result<private_key> key_in(const std::string& file) {
  auto in = opened("cluster.key", file);
  if (!in) return tl::unexpected(in.error());
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0 || (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(errc::usage,
                fmt::format("cluster.key = \"{0}\": others may read or change it (mode {1:o}); "
                            "chmod 600 {0}",
                            file, info.st_mode & 0777));
  }
  private_key key{PEM_read_bio_PrivateKey(in->get(), nullptr, no_passphrase, nullptr)};
  ERR_clear_error();
  if (key) return key;
  return fail(errc::usage,
              fmt::format("cluster.key = \"{}\": no private key in it that can be read "
                          "without a password; write one with openssl genpkey",
                          file));
}

std::string date(const ASN1_TIME* time) {
  const bio out(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(out.get(), time);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

/// What the verification says of the certificate at fault, and the way out.
std::string explain(const verification& v, const credentials& c) {
  const auto* at_fault = X509_STORE_CTX_get_current_cert(v.get());
  const auto code = X509_STORE_CTX_get_error(v.get());
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("expired on {}; make a new one (script/certificates)",
                         date(X509_get0_notAfter(at_fault)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("not valid before {}; set this host's clock, or make a new one",
                         date(X509_get0_notBefore(at_fault)));
    case X509_V_ERR_INVALID_PURPOSE:
      return "not for both ends of a connection; make one with extendedKeyUsage = serverAuth, "
             "clientAuth";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return fmt::format("not signed by cluster.authority = \"{}\"; have that authority sign it",
                         c.authority);
    default:
      return X509_verify_cert_error_string(code);
  }
}

result<void> verify(const std::vector<certificate>& chain, const std::vector<certificate>& roots,
                    const credentials& c) {
  const trust store(X509_STORE_new());
  for (const auto& root : roots) X509_STORE_add_cert(store.get(), root.get());
  const std::unique_ptr<STACK_OF(X509), freed_by<[](STACK_OF(X509) * s) { sk_X509_free(s); }>> rest(
      sk_X509_new_null());
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(rest.get(), chain[i].get());
  for (const int purpose : {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT}) {
    const verification v(X509_STORE_CTX_new());
    X509_STORE_CTX_init(v.get(), store.get(), chain.front().get(), rest.get());
    X509_STORE_CTX_set_purpose(v.get(), purpose);
    const bool good = X509_verify_cert(v.get()) == 1;
    ERR_clear_error();
    if (!good) {
      return fail(errc::usage,
                  fmt::format("cluster.certificate = \"{}\": {}", c.certificate, explain(v, c)));
    }
  }
  return {};
}

}  // namespace

result<void> check(const credentials& c) {
  if (c.empty()) return {};
  for (const auto& [setting, file] : {std::pair("cluster.certificate", &c.certificate),
                                      {"cluster.key", &c.key},
                                      {"cluster.authority", &c.authority}}) {
    if (!file->empty()) continue;
    return fail(errc::usage, fmt::format("{} is empty: cluster.certificate, cluster.key and "
                                         "cluster.authority go together",
                                         setting));
  }
  const auto chain = certificates_in("cluster.certificate", c.certificate);
  if (!chain) return tl::unexpected(chain.error());
  const auto roots = certificates_in("cluster.authority", c.authority);
  if (!roots) return tl::unexpected(roots.error());
  const auto key = key_in(c.key);
  if (!key) return tl::unexpected(key.error());
  if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
    ERR_clear_error();
    return fail(errc::usage, fmt::format("cluster.key = \"{}\" is not the key of "
                                         "cluster.certificate = \"{}\"; name the two that were "
                                         "made together",
                                         c.key, c.certificate));
  }
  return verify(*chain, *roots, c);
}

}  // namespace artham::messages

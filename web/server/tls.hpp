#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "market/error.hpp"

namespace boost::asio::ssl {
class context;
}  // namespace boost::asio::ssl

namespace artham::web {

/// Files (PEM) that the server proves itself to clients with. Both empty: no TLS.
struct tls_files {
  std::string certificate;  ///< behind it those between it and the authority
  std::string key;          ///< nobody but its owner may read it

  [[nodiscard]] bool empty() const { return certificate.empty() && key.empty(); }
};

struct tls_setup {
  std::shared_ptr<boost::asio::ssl::context> context;  ///< TLS 1.2 and newer
  std::int64_t expires = 0;                            ///< Unix seconds
};

/// Errors (errc::usage) name the setting, the file and the way out: one that is missing or cannot
/// be read, a key that others may read, that wants a password, or that belongs to another
/// certificate. A certificate that is out of date is none.
[[nodiscard]] result<tls_setup> load_tls(const tls_files& files);

/// Changes when one of the files does.
[[nodiscard]] std::string state_of(const tls_files& files);

}  // namespace artham::web

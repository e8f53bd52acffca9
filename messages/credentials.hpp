#pragma once

#include <string>

#include "market/error.hpp"

namespace artham::messages {

/// Files (PEM) that a node proves itself to other nodes with. All empty: none, nodes talk plain.
struct credentials {
  std::string certificate;  ///< this node's, and those between it and the authority
  std::string key;
  std::string authority;  ///< signed everybody's certificates

  [[nodiscard]] bool empty() const {
    return certificate.empty() && key.empty() && authority.empty();
  }
};

/// Whether others will accept them today, so that it is told before anything is started. The error
/// names the file and the remedy: one that is missing or cannot be read, a key that others may read
/// or that belongs to another certificate, a certificate that the authority did not sign, that is
/// not valid at this time, or not for both ends of a connection.
[[nodiscard]] result<void> check(const credentials& c);

}  // namespace artham::messages

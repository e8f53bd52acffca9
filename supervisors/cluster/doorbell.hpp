#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "market/error.hpp"
#include "messages/credentials.hpp"
#include "supervisors/cluster/endpoint.hpp"

namespace artham::supervisors {

/// Tries whether a node would talk to this one, so that CAF, whose connection attempts have no
/// limit in time and whose errors do not say why, is asked only where it will succeed.
class doorbell {
 public:
  /// The credentials have been checked. Throws messages::failure if they cannot be used by now.
  explicit doorbell(const messages::credentials& c);
  ~doorbell();
  doorbell(const doorbell&) = delete;
  doorbell& operator=(const doorbell&) = delete;

  /// The numeric address behind a host name, once somebody there has said a first word, over TLS if
  /// this node has credentials. Blocks for about `limit` at most, and as long as the host's
  /// resolver takes. `unavailable`, or `refused` when one side does not accept the other's
  /// credentials.
  [[nodiscard]] result<std::string> ring(const endpoint& where,
                                         std::chrono::milliseconds limit) const;
  /// Has all rings end at once. Thread-safe.
  void give_up();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace artham::supervisors

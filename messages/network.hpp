#pragma once

#include <cstddef>
#include <string>

#include <caf/actor_system_config.hpp>
#include <caf/io/middleman_actor.hpp>

#include "market/error.hpp"
#include "messages/credentials.hpp"

namespace artham::messages {

/// Where a node listens for others and what it proves itself with.
struct network_options {
  std::size_t threads = 1;            ///< of the scheduler
  std::string address = "127.0.0.1";  ///< an IP address that the others reach
  messages::credentials credentials;
};

/// As make_system_config, with a network in which a node that is silent for 0.8 s counts as gone.
/// `usage`: credentials that others would not accept (see check), no credentials although others
/// than this host can connect, an address that is none in particular.
[[nodiscard]] result<caf::actor_system_config> make_network_config(const network_options& o);

/// Who opens ports and connections of a system with such a configuration.
[[nodiscard]] caf::io::middleman_actor network_of(caf::actor_system& system);

}  // namespace artham::messages

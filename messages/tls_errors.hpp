#pragma once

#include <caf/fwd.hpp>

namespace artham::messages {

/// OpenSSL keeps errors in a queue of the thread, and CAF 0.17 does not clear it: after one failed
/// handshake, with whomever, the next read of each other connection would look failed as well and
/// end it. Has the queue cleared where that matters: in the thread that runs the connections of a
/// system.
void clear_tls_errors_of(caf::actor_system& system);

}  // namespace artham::messages

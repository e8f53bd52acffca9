#include "messages/tls_errors.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>

namespace artham::messages {
namespace {

/// Only CAF's own thread: others read their errors.
thread_local bool runs_connections = false;

void at_end_of_handshake(const SSL*, int where, int outcome) {
  const bool left = (where & SSL_CB_EXIT) != 0;
  if (left && outcome <= 0 && runs_connections) ERR_clear_error();
}

// A session is made in one thread and shakes hands in another.
void at_birth(void* session, void*, CRYPTO_EX_DATA*, int, long, void*) {
  SSL_set_info_callback(static_cast<SSL*>(session), at_end_of_handshake);
}

void at_death(void*, void*, CRYPTO_EX_DATA*, int, long, void*) {
  if (runs_connections) ERR_clear_error();
}

}  // namespace

void clear_tls_errors_of(caf::actor_system& system) {
  static const int once = SSL_get_ex_new_index(0, nullptr, at_birth, nullptr, at_death);
  static_cast<void>(once);
  system.middleman().backend().post([] { runs_connections = true; });
}

}  // namespace artham::messages

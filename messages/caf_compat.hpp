#pragma once

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <caf/error.hpp>
#include <caf/fwd.hpp>

#include "market/error.hpp"

namespace artham::runtime {
class metrics;
}

/// What is spelled differently in other versions of CAF, and what CAF's defaults would get wrong.
namespace artham::messages {

/// Why an actor ended that did not want to: the reason in its DOWN message.
enum class crash : std::uint8_t {
  threw = 1,  ///< an exception left a handler or a factory; the text is the exception's
  escalated,  ///< a supervisor gave up on its children
  stuck,      ///< did not end in its shutdown time, nor when killed
  transient,  ///< memory or an I/O call failed: says nothing of what was being worked on
};

/// A failed call that an actor cannot go on without: thrown, it ends the actor with the error's
/// text.
class failure : public std::runtime_error {
 public:
  explicit failure(const error& e) : std::runtime_error(e.message), code_(e.code) {}
  [[nodiscard]] errc code() const { return code_; }

 private:
  errc code_;
};

/// As a CAF error, so that a handler can answer a request with it; `error_of` gives it back.
[[nodiscard]] caf::error to_caf(const error& e);
[[nodiscard]] caf::error make_crash(crash code, std::string text);
/// The reason of an actor that ended with this exception.
[[nodiscard]] caf::error make_crash(const std::exception_ptr& thrown);
/// The error that `to_caf` packed; any other becomes `unavailable` (a dead or slow peer) with its
/// text.
[[nodiscard]] error error_of(const caf::error& e);
/// One line for people: the text that we put into it, or CAF's words for its own errors and exit
/// reasons.
[[nodiscard]] std::string error_text(const caf::error& e);

/// For what must not fail in an actor: throws `failure`, and the supervisor decides.
template <class T>
T value_or_throw(result<T> r) {
  if (!r) throw failure(r.error());
  return std::move(*r);
}

/// False for an actor that ended because it was done or was told to.
[[nodiscard]] bool is_crash(const caf::error& exit_reason);
/// True when the same work may well succeed another time: memory or I/O was short.
[[nodiscard]] bool is_transient(const caf::error& exit_reason);

/// Handlers that every actor installs first; each may be replaced afterwards.
/// - an exception ends the actor, with its text as the reason, and prints nothing;
/// - an unexpected message is counted, logged at debug and dropped; if it was a request its sender
/// gets an error;
/// - an error that nobody handles (the answer to a plain message) is counted, logged and dropped,
/// where CAF would end
///   the actor;
/// - DOWN of something watched is ignored;
/// - an exit message ends the actor unless its reason is normal.
/// Counted as artham_actor_unexpected_messages_total{actor} if there is a registry.
void install_handlers(caf::scheduled_actor* self, std::string_view name,
                      runtime::metrics* metrics = nullptr);

}  // namespace artham::messages

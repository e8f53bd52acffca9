#include "web/access/guarded_gateway.hpp"

#include <utility>

#include "messages/protocol/ticker_command.hpp"
#include "web/access/guarded_session.hpp"
#include "web/access/rules.hpp"

namespace artham::web {

namespace {

messages::rejection rejection_of(const denial& d) {
  switch (d.why) {
    case denial::reason::throttled:
    case denial::reason::full:
      return {429, protocol::kite_error("NetworkException", d.message)};
    case denial::reason::not_ready:
      return {503, protocol::kite_error("NetworkException", d.message)};
    case denial::reason::forbidden:
      return {403, protocol::kite_error("PermissionException", d.message)};
    default:
      return {403, protocol::kite_error("TokenException", d.message)};
  }
}

}  // namespace

std::optional<messages::rejection> guarded_gateway::rejects(const messages::opening& how) const {
  if (is_kite(how.path) && access_->required()) {
    const auto credential = credential_of(how.path, how.authorization, how.query);
    if (credential.empty()) return rejection_of(access_->nothing_shown());
    const auto who = identify(*access_, credential.reveal(), how.path, how.address);
    if (!who) return rejection_of(who.error());
    // The place is taken once the session is opened.
    if (const auto place = access_->take_place(*who); !place) return rejection_of(place.error());
  }
  return inner_.rejects(how);
}

void guarded_gateway::open(std::shared_ptr<messages::client> c, messages::opening how,
                           std::function<void(result<std::shared_ptr<messages::session>>)> done) {
  const auto session =
      std::make_shared<guarded_session>(inner_, access_, std::move(c), std::move(how));
  access_->visits(session);
  session->begin(std::move(done));
}

}  // namespace artham::web

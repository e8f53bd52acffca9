#include "actors/session/ticker_pulse.hpp"

#include <algorithm>

#include <caf/actor_clock.hpp>
#include <caf/event_based_actor.hpp>

#include "messages/caf_compat.hpp"
#include "messages/type_ids.hpp"

namespace artham::actors {

namespace {

/// CAF does not take back a message that waits for its time: the end of the system waits, too.
constexpr std::chrono::nanoseconds longest_wait{std::chrono::milliseconds(200)};

}  // namespace

caf::behavior ticker_pulse(caf::stateful_actor<ticker_pulse_state>* self,
                           std::chrono::nanoseconds interval) {
  messages::install_handlers(self, ticker_pulse_state::name);
  self->set_down_handler([self](const caf::down_msg& down) {
    self->state.sessions.erase(caf::actor_cast<caf::actor_addr>(down.source));
  });
  const auto wait = [self] {
    const std::chrono::nanoseconds left = self->state.due - self->clock().now();
    self->delayed_send(self, std::clamp(left, std::chrono::nanoseconds(0), longest_wait),
                       messages::tick_atom_v);
  };
  self->state.due = self->clock().now() + interval;
  wait();
  return {
      [self](messages::open_atom, const caf::actor& session) {
        self->monitor(session);
        self->state.sessions.emplace(session.address(), session);
      },
      [self, wait, interval](messages::tick_atom) {
        const auto now = self->clock().now();
        if (now >= self->state.due) {
          for (const auto& [address, session] : self->state.sessions)
            self->send(session, messages::tick_atom_v);
          self->state.due = now + interval;
        }
        wait();
      },
  };
}

}  // namespace artham::actors

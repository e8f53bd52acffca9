#include "actors/upkeep/journal_keeper.hpp"

#include <utility>

#include <caf/send.hpp>

#include "messages/caf_compat.hpp"

namespace artham::actors {

using messages::journal_keeper_actor;

journal_keeper_actor::behavior_type journal_keeper_state::start(journal_keeper_actor::pointer self,
                                                                journal_keeper_config config) {
  self_ = self;
  config_ = std::move(config);
  look();
  return {
      [this](messages::timeout_atom) { look(); },
      [this](messages::done_atom) {
        self_->delayed_send(journal_keeper_actor{self_}, config_.interval,
                            messages::timeout_atom_v);
      },
  };
}

void journal_keeper_state::look() {
  const journal_keeper_actor me{self_};
  const bool taken = config_.thread->post([me, look = config_.look] {
    look();
    caf::anon_send(me, messages::done_atom_v);
  });
  if (!taken) self_->send(me, messages::done_atom_v);
}

journal_keeper_actor::behavior_type journal_keeper(
    journal_keeper_actor::stateful_pointer<journal_keeper_state> self,
    journal_keeper_config config) {
  messages::install_handlers(self, journal_keeper_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors

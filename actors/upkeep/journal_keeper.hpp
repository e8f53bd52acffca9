#pragma once

#include <chrono>
#include <functional>

#include <caf/typed_event_based_actor.hpp>

#include "messages/actors.hpp"
#include "runtime/worker.hpp"

namespace artham::actors {

struct journal_keeper_config {
  runtime::worker* thread = nullptr;  ///< runs `look`
  /// Looks after the journal's room; may block.
  std::function<void()> look;
  std::chrono::milliseconds interval{1000};  ///< between the end of a look and the next
};

/// Has the journal looked after now and then: how much room there is, and what may be removed.
///
/// State: none but its configuration. Takes: the time to look, the end of a look. Sends: itself
/// both; the work to a thread of its own, so that nothing waits for it.
class journal_keeper_state {
 public:
  static inline const char* name = "artham.journal_keeper";

  messages::journal_keeper_actor::behavior_type start(messages::journal_keeper_actor::pointer self,
                                                      journal_keeper_config config);

 private:
  void look();

  messages::journal_keeper_actor::pointer self_ = nullptr;
  journal_keeper_config config_;
};

messages::journal_keeper_actor::behavior_type journal_keeper(
    messages::journal_keeper_actor::stateful_pointer<journal_keeper_state> self,
    journal_keeper_config config);

}  // namespace artham::actors

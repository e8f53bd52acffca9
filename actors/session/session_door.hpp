#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include "messages/actors.hpp"
#include "messages/client.hpp"
#include "messages/directory.hpp"

namespace artham::actors {

inline constexpr std::string_view sessions_name = "gateway.sessions";

/// Starts a session actor for each socket, under the sessions' supervisor.
class session_door {
 public:
  using spawner = std::function<messages::session_actor(caf::actor_system&)>;
  using opened = std::function<void(result<std::shared_ptr<messages::session>>)>;

  /// `prefix` tells the ids of its sessions from those of other doors.
  session_door(caf::actor_system& system, std::string prefix);
  ~session_door();
  session_door(const session_door&) = delete;
  session_door& operator=(const session_door&) = delete;

  /// The supervisor is looked up in `names` by `sessions_name`. `done` is called once, from any
  /// thread.
  void open(std::shared_ptr<const messages::directory> names, spawner spawn, opened done);

 private:
  caf::actor doorman_;
};

}  // namespace artham::actors

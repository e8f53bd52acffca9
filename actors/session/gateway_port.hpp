#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <caf/actor_system.hpp>

#include "actors/session/session.hpp"
#include "actors/session/session_door.hpp"
#include "messages/client.hpp"
#include "messages/directory.hpp"

namespace artham::actors {

/// Opens a session actor for each connection, under the sessions' supervisor.
class gateway_port final : public messages::gateway {
 public:
  /// `config` has everything but the client and its format. The supervisor is looked up by
  /// `sessions_name`.
  gateway_port(caf::actor_system& system, std::shared_ptr<const messages::directory> names,
               session_config config);

  [[nodiscard]] std::vector<messages::subprotocol> subprotocols() const override;
  void open(std::shared_ptr<messages::client> c, messages::opening how,
            std::function<void(result<std::shared_ptr<messages::session>>)> done) override;

 private:
  std::shared_ptr<const messages::directory> names_;
  session_config config_;
  session_door door_;
};

}  // namespace artham::actors

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include "actors/session/session_door.hpp"
#include "actors/session/tick_source.hpp"
#include "actors/session/ticker_session.hpp"
#include "messages/client.hpp"

namespace artham::actors {

/// Opens a session of Kite's ticker for each connection, at the source that its path means.
class ticker_port final : public messages::gateway {
 public:
  /// `config` has everything but the client, its source and the pulse. Who was sent no packets for
  /// an interval is sent a heartbeat at its end.
  ticker_port(caf::actor_system& system, std::shared_ptr<const tick_sources> sources,
              ticker_session_config config, std::chrono::nanoseconds heartbeat);
  ~ticker_port() override;

  [[nodiscard]] std::vector<messages::subprotocol> subprotocols() const override { return {}; }
  /// 404 for a path that has no source, 503 for one that has it another time, or where nobody is
  /// yet who would take the session.
  [[nodiscard]] std::optional<messages::rejection> rejects(
      const messages::opening& how) const override;
  void open(std::shared_ptr<messages::client> c, messages::opening how,
            std::function<void(result<std::shared_ptr<messages::session>>)> done) override;

 private:
  std::shared_ptr<const tick_sources> sources_;
  ticker_session_config config_;
  caf::actor pulse_;
  session_door door_;
};

}  // namespace artham::actors

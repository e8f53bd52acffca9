#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "messages/client.hpp"
#include "web/access/access_control.hpp"

namespace artham::web {

/// Stands in front of a gateway: opens sessions there for those who may. Who shows nothing when he
/// opens a WebSocket has auth_timeout to send `auth`; until then only that and `ping` are answered.
/// Who may no longer is closed: 4401 come back with another key, 4501 do not come back. On Kite's
/// paths, whose protocol has no words for it later, the handshake itself is refused as Kite does:
/// 403, or 429 for too many.
class guarded_gateway final : public messages::gateway {
 public:
  /// `inner` outlives it and its sessions.
  guarded_gateway(messages::gateway& inner, std::shared_ptr<access_control> access)
      : inner_(inner), access_(std::move(access)) {}

  [[nodiscard]] std::vector<messages::subprotocol> subprotocols() const override {
    return inner_.subprotocols();
  }
  [[nodiscard]] std::optional<messages::rejection> rejects(
      const messages::opening& how) const override;
  void open(std::shared_ptr<messages::client> c, messages::opening how,
            std::function<void(result<std::shared_ptr<messages::session>>)> done) override;

 private:
  messages::gateway& inner_;
  std::shared_ptr<access_control> access_;
};

}  // namespace artham::web

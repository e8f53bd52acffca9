#include "actors/session/gateway_port.hpp"

#include <string>
#include <utility>

namespace artham::actors {

namespace {

constexpr std::string_view json_protocol = "artham.v1.json";
constexpr std::string_view binary_protocol = "artham.v1.bin";

}  // namespace

gateway_port::gateway_port(caf::actor_system& system,
                           std::shared_ptr<const messages::directory> names, session_config config)
    : names_(std::move(names)), config_(std::move(config)), door_(system, "") {}

std::vector<messages::subprotocol> gateway_port::subprotocols() const {
  return {{std::string(binary_protocol), false}, {std::string(json_protocol), false}};
}

void gateway_port::open(std::shared_ptr<messages::client> c, messages::opening how,
                        std::function<void(result<std::shared_ptr<messages::session>>)> done) {
  auto own = config_;
  own.client = std::move(c);
  own.owner = std::move(how.owner);
  own.format =
      how.subprotocol == binary_protocol ? messages::format::binary : messages::format::json;
  door_.open(
      names_,
      [own = std::move(own)](caf::actor_system& system) -> messages::session_actor {
        return system.spawn(session, own);
      },
      std::move(done));
}

}  // namespace artham::actors

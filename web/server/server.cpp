#include "web/server/server.hpp"

#include <algorithm>

#include "web/server/engine.hpp"

namespace artham::web {

result<std::unique_ptr<server>> server::start(server_options options,
                                              server_dependencies dependencies) {
  if (!dependencies.handler || dependencies.metrics == nullptr ||
      std::any_of(dependencies.websockets.begin(), dependencies.websockets.end(),
                  [](const websocket_endpoint& w) { return w.gateway == nullptr; }))
    return fail(errc::usage, "web: handler, gateways and metrics are all needed");
  auto e = std::make_shared<engine>(std::move(options), std::move(dependencies));
  if (auto listening = e->listen(); !listening) return tl::unexpected(listening.error());
  e->run();
  return std::unique_ptr<server>(new server(std::move(e)));
}

server::~server() {
  stop();
}

std::uint16_t server::port() const {
  return engine_->port;
}

std::string server::url() const {
  const bool v6 = engine_->options.address.find(':') != std::string::npos;
  return (engine_->options.tls.empty() ? "http://" : "https://") +
         (v6 ? "[" + engine_->options.address + "]" : engine_->options.address) + ":" +
         std::to_string(engine_->port);
}

void server::stop() {
  engine_->stop();
}

}  // namespace artham::web

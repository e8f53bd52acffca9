#include "actors/session/ticker_port.hpp"

#include <utility>

#include <caf/send.hpp>

#include "actors/session/session.hpp"
#include "actors/session/ticker_pulse.hpp"

namespace artham::actors {

ticker_port::ticker_port(caf::actor_system& system, std::shared_ptr<const tick_sources> sources,
                         ticker_session_config config, std::chrono::nanoseconds heartbeat)
    : sources_(std::move(sources)),
      config_(std::move(config)),
      pulse_(system.spawn(ticker_pulse, heartbeat)),
      door_(system, "kite-") {
  config_.pulse = pulse_;
}

ticker_port::~ticker_port() {
  caf::anon_send_exit(pulse_, caf::exit_reason::user_shutdown);
}

std::optional<messages::rejection> ticker_port::rejects(const messages::opening& how) const {
  const auto source = sources_->find(how.path);
  if (!source && source.error().code == errc::not_found)
    return messages::rejection{404, protocol::kite_error("InputException", source.error().message)};
  if (source && source->names->find(hub_name) && source->names->find(sessions_name))
    return std::nullopt;
  return messages::rejection{
      503, protocol::kite_error(
               "NetworkException",
               source ? "the gateway is starting or stopping; try again" : source.error().message)};
}

void ticker_port::open(std::shared_ptr<messages::client> c, messages::opening how,
                       std::function<void(result<std::shared_ptr<messages::session>>)> done) {
  auto source = sources_->find(how.path);
  if (!source) {
    done(tl::unexpected(source.error()));
    return;
  }
  auto own = config_;
  own.client = std::move(c);
  own.source = std::move(*source);
  auto names = own.source.names;
  door_.open(
      std::move(names),
      [own = std::move(own)](caf::actor_system& system) -> messages::session_actor {
        return system.spawn(ticker_session, own);
      },
      std::move(done));
}

}  // namespace artham::actors

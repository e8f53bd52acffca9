#include "app/gateway_role.hpp"

#include <chrono>
#include <utility>

#include "app/position_at.hpp"

namespace artham::app {

namespace {

constexpr std::size_t history_queue = 256;

}  // namespace

gateway_role::gateway_role(gateway_role_options o)
    : options_(std::move(o)),
      store_readers_(std::make_unique<runtime::worker>("store-reader", history_queue)) {}

gateway_role::~gateway_role() = default;

actors::hub_config gateway_role::hub() const {
  actors::hub_config hub;
  hub.journal = options_.streams;
  hub.decoder = options_.decoder;
  hub.store = options_.store;
  hub.store_thread = store_readers_.get();
  hub.metrics = options_.metrics;
  hub.names = options_.names;
  hub.instruments = options_.instruments;
  hub.timeframes = options_.timeframes;
  hub.on_demand = options_.on_demand;
  if (options_.features.enabled) hub.features = options_.features.plan;
  return hub;
}

result<void> gateway_role::listen(caf::actor_system& system) {
  const auto& w = options_.settings->web;
  actors::session_config session;
  session.instruments = options_.instruments;
  session.names = options_.names;
  session.timeframes = options_.timeframes;
  if (options_.features.enabled) session.features = options_.features.plan;
  session.max_subscriptions = static_cast<std::size_t>(w.max_subscriptions);
  session.metrics = options_.metrics;
  port_ = std::make_unique<actors::gateway_port>(system, options_.names, std::move(session));

  web::api_dependencies api;
  api.reader = options_.store;
  api.operations = options_.operations;
  api.timeframes = options_.timeframes;
  api.position_at = [streams = options_.streams](market::timestamp t) {
    return position_at(*streams, t);
  };
  evidence_ = std::make_unique<evidence_reader>(*options_.streams, *options_.decoder);
  api.evidence = [reader = evidence_.get()](market::timeframe tf,
                                            const record::bar_record& stored) {
    return reader->read(tf, stored);
  };
  api.calendar_of = [index = options_.instruments](std::uint32_t token) {
    return index->calendar_of(token);
  };
  last_ticks_options ticks;
  ticks.journal = options_.streams;
  ticks.decoder = options_.decoder;
  ticks.metrics = options_.metrics;
  ticks.calendar_of = api.calendar_of;
  last_ticks_ = std::make_unique<last_ticks>(std::move(ticks));
  api.quotes.last_tick = [ticks = last_ticks_.get()](std::uint32_t token) {
    return ticks->find(token);
  };
  api.quotes.token_of = [index = options_.instruments](std::string_view key) {
    return index->token(key);
  };
  web::server_options o;
  o.address = w.address;
  o.port = w.port;
  o.max_message_bytes = static_cast<std::size_t>(w.max_frame);
  o.session_budget_bytes = static_cast<std::size_t>(w.session_bytes);
  o.max_sessions = static_cast<std::size_t>(w.max_sessions);
  o.max_connections = o.max_sessions + 256;
  o.idle_timeout = std::chrono::milliseconds(w.idle_timeout / market::millisecond);
  web::server_dependencies d;
  d.handler = web::make_api(std::move(api));
  d.websockets = {{"/v1/stream", port_.get()}};
  d.metrics = options_.metrics;
  auto started = web::server::start(std::move(o), std::move(d));
  if (!started) return tl::unexpected(started.error());
  web_ = std::move(*started);
  return {};
}

void gateway_role::close() {
  if (evidence_) evidence_->stop();
  if (web_) web_->stop();
  if (last_ticks_) last_ticks_->stop();
}

void gateway_role::stop() {
  port_.reset();
  store_readers_->stop();
  web_.reset();
}

}  // namespace artham::app

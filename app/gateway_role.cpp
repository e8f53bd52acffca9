#include "app/gateway_role.hpp"

#include <utility>

#include "actors/session/replay_ticks.hpp"
#include "app/access_setup.hpp"
#include "app/alert_role.hpp"
#include "app/opened_store.hpp"
#include "app/position_at.hpp"
#include "app/system_members.hpp"
#include "app/ui_folder.hpp"
#include "app/web_options.hpp"
#include "market/feature/shard_map.hpp"
#include "web/access/guarded_handler.hpp"

namespace artham::app {

namespace {

constexpr std::size_t history_queue = 256;
constexpr std::size_t catch_up_threads = 2;
constexpr std::size_t catching_up_at_most = 256;

}  // namespace

gateway_role::gateway_role(gateway_role_options o)
    : options_(std::move(o)),
      store_readers_(std::make_unique<runtime::worker>("store-reader", history_queue)),
      tokens_(std::make_shared<const actors::token_codec>(
          options_.identity,
          actors::stream_list(options_.timeframes, options_.features.enabled, options_.shards))),
      records_(open_store_records(*options_.settings, options_.data)) {
  actors::catch_up_config c;
  c.journal = options_.journal;
  c.tokens = tokens_;
  c.decoder = options_.decoder;
  if (options_.features.enabled) c.features = options_.features.plan;
  c.board = board_;
  c.stored = records_.get();
  c.stored_ticks = options_.settings->store.has_tick_table();
  c.timeframes = options_.timeframes;
  if (options_.shards > 1) {
    const auto map = std::make_shared<const market::feature::shard_map>(*options_.features.plan,
                                                                        options_.shards);
    c.shard_of = [map](std::uint32_t token) { return map->of(token); };
  }
  catch_up_ =
      std::make_shared<actors::catch_up_pool>(std::move(c), catch_up_threads, catching_up_at_most);
  replay_book_options replays;
  replays.settings = options_.settings;
  replays.journal = options_.streams;
  replays.shards = options_.shards;
  replays.decoder = options_.decoder;
  replays.store = options_.store;
  replays.store_thread = store_readers_.get();
  replays.metrics = options_.metrics;
  replays.names = options_.names;
  if (options_.settings->alerts.enabled) {
    replays.rules = [this](const std::string& owner) -> result<std::vector<store::alert_rule>> {
      const auto book = open_alert_book(*options_.settings, options_.data);
      if (!book) return tl::unexpected(book.error());
      const auto all = (*book)->rules(owner);
      if (!all) return tl::unexpected(all.error());
      std::vector<store::alert_rule> enabled;
      for (const auto& r : *all)
        if (r.rule.enabled) enabled.push_back(r.rule);
      return enabled;
    };
  }
  replays_ = std::make_unique<replay_book>(std::move(replays));
}

gateway_role::~gateway_role() = default;

actors::hub_config gateway_role::hub() const {
  actors::hub_config hub;
  hub.journal = options_.journal;
  hub.tokens = tokens_;
  hub.board = board_;
  hub.flush = std::chrono::microseconds(options_.settings->web.flush / market::microsecond);
  hub.decoder = options_.decoder;
  hub.store = options_.store;
  hub.store_thread = store_readers_.get();
  hub.metrics = options_.metrics;
  hub.names = options_.names;
  hub.instruments = options_.instruments;
  hub.timeframes = options_.timeframes;
  hub.packet_before = [from = packets_before_](std::uint32_t token) {
    const auto* const ticks = from->load();
    return ticks == nullptr ? std::string() : ticks->packet_of(token);
  };
  hub.on_demand = options_.on_demand;
  if (options_.features.enabled) hub.features = options_.features.plan;
  if (options_.operations.status) {
    // Not on the hub's thread. Of a queue that is full there is no answer.
    hub.ask_system = [status = options_.operations.status,
                      worker = store_readers_.get()](std::function<void(std::string)> done) {
      static_cast<void>(worker->post([status, done = std::move(done)]() mutable {
        status([done = std::move(done)](const std::string& json) { done(system_members(json)); });
      }));
    };
  }
  return hub;
}

result<void> gateway_role::start_alerts() {
  if (!options_.settings->alerts.enabled) return {};
  alert_service_options o;
  o.settings = options_.settings;
  o.data = options_.data;
  o.streams = options_.streams;
  o.instruments = options_.instruments;
  o.timeframes = options_.timeframes;
  o.features = options_.features;
  o.bell = options_.bell;
  auto alerts = alert_service::start(std::move(o));
  if (!alerts) return tl::unexpected(alerts.error());
  alerts_ = std::move(*alerts);
  return {};
}

void gateway_role::make_ports(caf::actor_system& system) {
  const auto& w = options_.settings->web;
  actors::session_config session;
  session.keys = std::make_shared<const actors::key_resolver>(
      options_.instruments, options_.timeframes,
      options_.features.enabled ? options_.features.plan : nullptr);
  session.names = options_.names;
  session.catch_up = catch_up_;
  session.replays = replays_->lines();
  replays_->open(system);
  // A quarter may wait in the socket, where it is not conflated any more.
  const auto budget = static_cast<std::size_t>(w.session_bytes);
  session.held_bytes = budget - budget / 4;
  session.max_subscriptions = static_cast<std::size_t>(w.max_subscriptions);
  session.metrics = options_.metrics;
  if (alerts_) {
    session.alerts = alerts_->desk();
    session.bell = options_.bell;
  }
  port_ = std::make_unique<actors::gateway_port>(system, options_.names, std::move(session));
  actors::ticker_session_config ticker;
  ticker.max_tokens = static_cast<std::size_t>(w.kite_tokens);
  ticker.held_bytes = budget - budget / 4;
  ticker.metrics = options_.metrics;
  const std::chrono::nanoseconds heartbeat(w.kite_heartbeat);
  replay_ticker_ = std::make_unique<actors::ticker_port>(
      system, std::make_shared<const actors::replay_ticks>(replays_->lines()), ticker, heartbeat);
  ticker_ = std::make_unique<actors::ticker_port>(
      system,
      std::make_shared<const actors::one_tick_source>(
          actors::tick_source{options_.names, options_.instruments, nullptr}),
      std::move(ticker), heartbeat);
}

result<void> gateway_role::listen(caf::actor_system& system) {
  if (auto started = start_alerts(); !started) return started;
  make_ports(system);
  auto access = start_access(*options_.settings, options_.data, *options_.metrics);
  if (!access) return tl::unexpected(access.error());
  access_ = std::move(*access);
  door_ = std::make_unique<web::guarded_gateway>(*port_, access_);
  ticker_door_ = std::make_unique<web::guarded_gateway>(*ticker_, access_);
  replay_ticker_door_ = std::make_unique<web::guarded_gateway>(*replay_ticker_, access_);

  web::api_dependencies api;
  api.replays = replays_.get();
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
  packets_before_->store(last_ticks_.get());
  api.quotes.last_tick = [ticks = last_ticks_.get()](std::uint32_t token) {
    return ticks->find(token);
  };
  api.quotes.token_of = [index = options_.instruments](std::string_view key) {
    return index->token(key);
  };
  if (alerts_) api.alerts = alerts_->sources();
  const auto& w = options_.settings->web;
  auto ui = open_ui(w);
  if (!ui) return tl::unexpected(ui.error());
  api.ui = std::move(*ui);
  auto o = web_options(w);
  o.session_budget_bytes = static_cast<std::size_t>(w.session_bytes) / 4;
  web::server_dependencies d;
  d.handler = web::guarded(web::make_api(std::move(api)), access_);
  d.websockets = {{"/v1/stream", door_.get()},
                  {"/kite/ws", ticker_door_.get()},
                  {"/kite/ws/", ticker_door_.get()},
                  {"/kite/replay/{id}", replay_ticker_door_.get()},
                  {"/kite/replay/{id}/", replay_ticker_door_.get()}};
  d.metrics = options_.metrics;
  auto started = web::server::start(std::move(o), std::move(d));
  if (!started) return tl::unexpected(started.error());
  web_ = std::move(*started);
  return {};
}

void gateway_role::close() {
  if (evidence_) evidence_->stop();
  if (web_) web_->stop();
  replays_->close();
  if (last_ticks_) last_ticks_->stop();
  if (access_) access_->stop();
}

void gateway_role::stop() {
  port_.reset();
  ticker_.reset();
  replay_ticker_.reset();
  catch_up_->stop();
  replays_.reset();
  store_readers_->stop();
  // Its jobs answer by the web server.
  if (alerts_) alerts_->stop();
  web_.reset();
}

}  // namespace artham::app

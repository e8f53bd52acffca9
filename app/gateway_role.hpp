#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>

#include "actors/session/gateway_port.hpp"
#include "actors/session/hub.hpp"
#include "actors/session/ticker_port.hpp"
#include "app/alert_service.hpp"
#include "app/bar_evidence.hpp"
#include "app/feature_rules.hpp"
#include "app/last_ticks.hpp"
#include "app/replays/replay_book.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "messages/directory.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"
#include "store/record_source.hpp"
#include "store/store.hpp"
#include "web/access/access_control.hpp"
#include "web/access/guarded_gateway.hpp"
#include "web/api/routes.hpp"
#include "web/server/server.hpp"

namespace artham::app {

/// What a gateway is made of; what is pointed to outlives it.
struct gateway_role_options {
  const config::settings* settings = nullptr;
  std::filesystem::path data;
  bridge::bridge* streams = nullptr;  ///< of all shards, under one name each
  bridge::bridge* journal = nullptr;  ///< has the streams of each shard
  std::uint32_t shards = 1;
  std::uint64_t identity = 0;  ///< of the journal or cluster; see journal_identity
  store::reader* store = nullptr;
  const feed::decoder* decoder = nullptr;
  runtime::metrics* metrics = nullptr;
  std::shared_ptr<messages::directory> names;
  std::shared_ptr<const actors::instrument_index> instruments;
  std::vector<market::timeframe> timeframes;
  feature_setup features;
  web::operations_sources operations;
  /// Rung when alerts were made in this process.
  std::shared_ptr<actors::alert_bell> bell = std::make_shared<actors::alert_bell>();
  /// See hub_config.
  std::function<void(std::vector<std::uint32_t>)> on_demand;
};

/// The hub's and the sessions' configuration, and the web server in front of them.
class gateway_role {
 public:
  explicit gateway_role(gateway_role_options o);
  ~gateway_role();

  [[nodiscard]] actors::hub_config hub() const;
  /// Listens, once the hub is among the names.
  result<void> listen(caf::actor_system& system);
  [[nodiscard]] std::string url() const { return web_->url(); }
  [[nodiscard]] const replay_book& replays() const { return *replays_; }
  /// Lets nobody in any more and ends what clients wait for; before the actors end.
  void close();
  /// Ends the threads; after the actors.
  void stop();

 private:
  [[nodiscard]] result<void> start_alerts();
  void make_ports(caf::actor_system& system);

  gateway_role_options options_;
  std::unique_ptr<runtime::worker> store_readers_;
  std::shared_ptr<web::access_control> access_;
  std::shared_ptr<const actors::token_codec> tokens_;
  std::shared_ptr<actors::resume_board> board_ = std::make_shared<actors::resume_board>();
  std::unique_ptr<store::record_source> records_;
  std::shared_ptr<actors::catch_up_pool> catch_up_;
  std::unique_ptr<alert_service> alerts_;
  std::unique_ptr<replay_book> replays_;
  std::unique_ptr<actors::gateway_port> port_;
  std::unique_ptr<actors::ticker_port> ticker_;
  std::unique_ptr<actors::ticker_port> replay_ticker_;
  std::unique_ptr<web::guarded_gateway> door_;
  std::unique_ptr<web::guarded_gateway> ticker_door_;
  std::unique_ptr<web::guarded_gateway> replay_ticker_door_;
  std::unique_ptr<evidence_reader> evidence_;
  std::unique_ptr<last_ticks> last_ticks_;
  /// The same for the hub, which is there before it.
  std::shared_ptr<std::atomic<const last_ticks*>> packets_before_ =
      std::make_shared<std::atomic<const last_ticks*>>(nullptr);
  std::unique_ptr<web::server> web_;
};

}  // namespace artham::app

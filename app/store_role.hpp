#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/store/store_board.hpp"
#include "actors/store/stream_store.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "feed/feed.hpp"
#include "market/timeframe.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"
#include "store/store.hpp"

namespace artham::app {

/// What a store role is made of; what is pointed to outlives it.
struct store_role_options {
  const config::settings* settings = nullptr;
  std::filesystem::path data;
  store::database* store = nullptr;
  const feed::decoder* decoder = nullptr;
  runtime::metrics* metrics = nullptr;
};

/// Which streams are stored.
struct stored_streams {
  bridge::bridge* from = nullptr;
  std::vector<market::timeframe> timeframes;
  bool features = false;
  std::uint32_t shard = 0;
  std::uint32_t shards = 1;
};

/// The threads that write a database, and what the store actors share.
class store_role {
 public:
  explicit store_role(store_role_options o);

  /// An actor's configuration for each of the streams, several for the ticks where the database
  /// takes them in shards.
  [[nodiscard]] std::vector<actors::stream_store_config> actors_of(const stored_streams& s) const;
  /// `/v1/status` says it under `store`. From any thread.
  [[nodiscard]] nlohmann::json status() const;
  /// Ends the threads, after the actors.
  void stop();

 private:
  store_role_options options_;
  std::vector<std::unique_ptr<runtime::worker>> threads_;  ///< one a writer of the database
  std::shared_ptr<actors::store_board> board_ = std::make_shared<actors::store_board>();
};

}  // namespace artham::app

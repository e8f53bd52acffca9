#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <nlohmann/json.hpp>

#include "app/alert_role.hpp"
#include "app/cluster/ingest_side.hpp"
#include "app/cluster/lease_keeper.hpp"
#include "app/cluster/unit.hpp"
#include "app/cluster/unit_runner.hpp"
#include "app/gateway_role.hpp"
#include "app/store_role.hpp"
#include "bridge/redis/kept_values.hpp"
#include "bridge/redis/redis.hpp"
#include "config/settings.hpp"
#include "messages/client.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"
#include "store/store.hpp"
#include "supervisors/cluster/control.hpp"
#include "web/server/server.hpp"

namespace artham::app::cluster {

struct cluster_node_options {
  config::settings settings;  ///< with bridge.redis.url
  std::filesystem::path data;
  std::optional<std::filesystem::path> recording;
  std::function<void(std::string)> on_failure;  ///< the node cannot go on; called once
};

/// Nobody is let in.
class no_gateway final : public messages::gateway {
 public:
  [[nodiscard]] std::vector<messages::subprotocol> subprotocols() const override { return {}; }
  void open(std::shared_ptr<messages::client>, messages::opening,
            std::function<void(result<std::shared_ptr<messages::session>>)> done) override {
    done(fail(errc::unavailable, "this node has no gateway (cluster.roles)"));
  }
};

/// The running program as one node of several, which meet in Redis: does what its roles say, as far
/// as it holds the leases.
class cluster_node {
 public:
  using start_options = cluster_node_options;
  [[nodiscard]] static result<std::unique_ptr<cluster_node>> start(cluster_node_options options);
  ~cluster_node();
  cluster_node(const cluster_node&) = delete;
  cluster_node& operator=(const cluster_node&) = delete;

  /// Hands over what it has and stops everything in order; again is harmless.
  void stop();
  /// For people: where it can be looked at, or its name where it has no web server.
  [[nodiscard]] std::string place() const;

 private:
  explicit cluster_node(cluster_node_options options);

  result<void> check_settings();
  result<void> open_redis();
  result<void> open_store();
  result<void> start_system();
  result<void> open_ingest();
  result<void> start_work();

  [[nodiscard]] bool has(config::role r) const;
  [[nodiscard]] node_says says() const;
  [[nodiscard]] result<std::shared_ptr<const rules_in_force>> rules_of(const cluster_view& view);
  result<std::unique_ptr<unit>> start_unit(const std::string& lease, std::uint64_t fence,
                                           const rules_in_force* rules);
  result<std::unique_ptr<unit>> start_gateway(const rules_in_force& rules);
  [[nodiscard]] web::operations_sources operations();
  /// Where there is no gateway, what looks after the node is served alone.
  result<void> serve_operations();
  /// This node's status, with a summary of the others'.
  void ask_status(std::function<void(std::string)> done) const;
  void ask_tree(std::function<void(std::string)> done) const;
  [[nodiscard]] std::string status_json() const;
  [[nodiscard]] nlohmann::json cluster_json() const;
  [[nodiscard]] web::readiness readiness() const;
  void fail(std::string why);

  cluster_node_options options_;
  std::string name_;
  std::string life_;
  runtime::metrics metrics_;
  std::unique_ptr<bridge::redis::redis_bridge> redis_;
  std::unique_ptr<bridge::redis::kept_values> kept_;
  std::unique_ptr<bridge::bridge> all_shards_;
  std::unique_ptr<store::database> store_;
  std::unique_ptr<store_role> stores_;
  std::shared_ptr<actors::alert_bell> bell_ = std::make_shared<actors::alert_bell>();
  std::unique_ptr<alert_role> alerts_;
  std::unique_ptr<runtime::worker> disk_;
  std::unique_ptr<runtime::worker> upkeep_;
  std::optional<caf::actor_system_config> system_config_;
  std::unique_ptr<caf::actor_system> system_;
  workshop workshop_;
  caf::actor watchman_;  ///< would end at once if nobody held it
  std::shared_ptr<supervisors::control> control_;
  supervisors::subscription members_;
  std::unique_ptr<ingest_side> ingest_;
  no_gateway no_gateway_;
  std::unique_ptr<web::server> operations_;
  std::unique_ptr<lease_keeper> keeper_;
  std::unique_ptr<unit_runner> runner_;
  std::shared_ptr<const rules_in_force> rules_;  ///< of the runner's thread
  market::date listed_on_;                       ///< trading date of its instruments
  market::date stored_list_;                     ///< what the store was told last
  std::atomic<std::uint64_t> largest_fence_{0};
  mutable std::mutex mutex_;  ///< of the lines below
  std::string url_;
  bool failed_ = false;
  std::atomic<bool> leaving_{false};
  bool stopped_ = false;
};

}  // namespace artham::app::cluster

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <caf/actor_system.hpp>

#include "app/alert_role.hpp"
#include "app/cluster/rules_in_force.hpp"
#include "app/store_role.hpp"
#include "bridge/redis/redis.hpp"
#include "config/settings.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"
#include "supervisors/cluster/control.hpp"
#include "supervisors/roles.hpp"

namespace artham::app::cluster {

/// What a node's pieces of work share; it outlives them.
struct workshop {
  const config::settings* settings = nullptr;
  std::filesystem::path data;
  feed::kite::frame_decoder decoder;
  runtime::metrics* metrics = nullptr;
  bridge::redis::redis_bridge* redis = nullptr;
  bridge::redis::endpoint server;
  caf::actor_system* system = nullptr;
  messages::supervisor_actor root;    ///< takes trees as children
  supervisors::tree_options tree;     ///< without a directory
  runtime::worker* disk = nullptr;    ///< writes checkpoints
  runtime::worker* upkeep = nullptr;  ///< removes what is old
  store::database* store = nullptr;
  store_role* stores = nullptr;
  alert_role* alerts = nullptr;  ///< null: rules are not evaluated
  supervisors::control* control = nullptr;

  [[nodiscard]] std::uint32_t shards() const {
    return static_cast<std::uint32_t>(settings->cluster.shards);
  }
  /// Starts a tree under the root; waits for it.
  result<void> start_tree(messages::child_spec spec);
  /// Ends it; waits until it is down.
  void stop_tree(const std::string& id);
};

/// A piece of work that this node does at present: made by being started, ends with `stop`.
class unit {
 public:
  virtual ~unit() = default;
  /// Ends the work in good order; where it stands is kept for who does it next.
  virtual void stop() = 0;
  /// Ends it at once: another does the work already, and nothing of this can be kept.
  virtual void abandon() { stop(); }
  /// The lease is still this node's, under another fence. False: the work has to begin anew.
  virtual bool refence(std::uint64_t /*fence*/) { return false; }
  /// It cannot go on: to be ended, and begun anew.
  [[nodiscard]] virtual bool is_over() const { return false; }
  /// Now and then, from the thread that started it.
  virtual void look() {}
};

/// Nothing to do.
class idle_unit final : public unit {
 public:
  void stop() override {}
};

/// Bars or features of a shard, under the fence of its lease.
[[nodiscard]] result<std::unique_ptr<unit>> start_bars(workshop& w, const rules_in_force& rules,
                                                       std::uint32_t shard, std::uint64_t fence);
[[nodiscard]] result<std::unique_ptr<unit>> start_features(workshop& w, const rules_in_force& rules,
                                                           std::uint32_t shard,
                                                           std::uint64_t fence);
/// Stores all streams of a shard.
[[nodiscard]] result<std::unique_ptr<unit>> start_stores(workshop& w, const rules_in_force& rules,
                                                         std::uint32_t shard);

}  // namespace artham::app::cluster

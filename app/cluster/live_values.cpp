#include "app/cluster/live_values.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "app/cluster/assignment.hpp"
#include "market/feature/shard_map.hpp"
#include "supervisors/cluster/control.hpp"

namespace artham::app::cluster {

namespace {

/// What a gateway watches, gathered from those who know of bars and of chains.
class gateway_watch {
 public:
  explicit gateway_watch(supervisors::control& control) : control_(control) {}

  void set_bars(const std::map<std::uint32_t, std::uint32_t>& masks) {
    const std::lock_guard lock(mutex_);
    bars_.clear();
    for (const auto& [token, mask] : masks) bars_.push_back({token, mask, false});
    tell();
  }
  /// Options stand for their underlyings.
  void set_chains(const std::vector<std::uint32_t>& tokens) {
    const std::lock_guard lock(mutex_);
    chains_.clear();
    for (const auto token : tokens) chains_.push_back({token, 0, true});
    tell();
  }

 private:
  void tell() {
    auto all = bars_;
    all.insert(all.end(), chains_.begin(), chains_.end());
    control_.watch(std::move(all));
  }

  supervisors::control& control_;
  std::mutex mutex_;
  std::vector<messages::watched> bars_;
  std::vector<messages::watched> chains_;
};

actors::live_publisher_config publisher(workshop& w, const rules_in_force& rules,
                                        std::uint32_t shard, bridge::bridge& view,
                                        const supervisors::tree_options& tree) {
  actors::live_publisher_config c;
  c.output = &view;
  c.metrics = w.metrics;
  c.names = tree.directory;
  c.watched = [control = w.control](auto listener) {
    return std::make_shared<supervisors::subscription>(control->on_watch(std::move(listener)));
  };
  const auto shards =
      std::make_shared<const market::feature::shard_map>(*rules.features.plan, w.shards());
  c.is_ours = [shards, shard](std::uint32_t token) { return shards->of(token) == shard; };
  c.can_write = [redis = w.redis] { return redis->is_up(); };
  return c;
}

}  // namespace

std::string live_id(const std::string& lease) {
  return "live:" + lease;
}

messages::child_spec live_bars_publisher(workshop& w, const rules_in_force& rules,
                                         std::uint32_t shard, bridge::bridge& view,
                                         const supervisors::tree_options& tree) {
  auto c = publisher(w, rules, shard, view, tree);
  c.timeframes = rules.bars.timeframes;
  return supervisors::live_publisher_tree(tree, live_id(lease_name(config::role::bars, shard)),
                                          std::move(c));
}

messages::child_spec live_chains_publisher(workshop& w, const rules_in_force& rules,
                                           std::uint32_t shard, bridge::bridge& view,
                                           const supervisors::tree_options& tree) {
  auto c = publisher(w, rules, shard, view, tree);
  c.features = rules.features.plan;
  return supervisors::live_publisher_tree(tree, live_id(lease_name(config::role::features, shard)),
                                          std::move(c));
}

messages::child_spec live_values(workshop& w, const rules_in_force& rules,
                                 const supervisors::tree_options& tree) {
  const auto watch = std::make_shared<gateway_watch>(*w.control);
  const auto can_read = [redis = w.redis] { return redis->is_up(); };
  actors::live_bars_config bars;
  bars.input = w.redis;
  bars.shards = w.shards();
  bars.metrics = w.metrics;
  bars.timeframes = rules.bars.timeframes;
  bars.watched = [watch](const std::map<std::uint32_t, std::uint32_t>& masks) {
    watch->set_bars(masks);
  };
  bars.can_read = can_read;
  actors::live_chains_config chains;
  chains.shards = w.shards();
  chains.metrics = w.metrics;
  chains.can_read = can_read;
  if (rules.features.enabled) {
    chains.input = w.redis;
    chains.watched = [watch, plan = rules.features.plan](const std::set<std::string>& groups) {
      std::vector<std::uint32_t> tokens;
      for (const auto& g : groups) {
        const auto it = plan->chains().find(g);
        if (it != plan->chains().end()) tokens.push_back(it->second->options.front().what.token);
      }
      watch->set_chains(tokens);
    };
  }
  return supervisors::live_values_tree(tree, std::move(bars), std::move(chains));
}

}  // namespace artham::app::cluster

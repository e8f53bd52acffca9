#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <nlohmann/json.hpp>

#include "app/alert_role.hpp"
#include "app/calendars.hpp"
#include "app/feature_rules.hpp"
#include "app/gateway_role.hpp"
#include "app/journal_upkeep.hpp"
#include "app/market_source.hpp"
#include "app/store_role.hpp"
#include "app/store_upkeep.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"
#include "store/store.hpp"
#include "supervisors/roles.hpp"

namespace artham::app {

struct node_options {
  config::settings settings;
  std::filesystem::path data;
  std::optional<std::filesystem::path> recording;  ///< instead of the synthetic market
  std::function<void(std::string)> on_failure;     ///< the tree has given up; called once
};

/// The running program: every part, made in order and stopped in reverse.
class node {
 public:
  using start_options = node_options;
  [[nodiscard]] static result<std::unique_ptr<node>> start(node_options options);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Takes checkpoints and stops everything in order; again is harmless.
  void stop();
  [[nodiscard]] std::string url() const { return gateway_->url(); }

 private:
  explicit node(node_options options);

  result<void> open_storage();
  result<void> open_market();
  result<void> keep_configuration();
  result<void> start_actors();
  result<void> start_web();
  void make_gateway();
  [[nodiscard]] actors::feature_reader_config feature_reader();
  void make_upkeep();
  /// Asks this reader for one, and waits.
  template <class Reader>
  void take_checkpoint(std::string_view reader_name);
  /// Those of the settings, and those that the journal has bars of.
  [[nodiscard]] std::vector<market::timeframe> stored_timeframes() const;
  [[nodiscard]] std::filesystem::path checkpoints() const { return options_.data / "checkpoints"; }
  void ask_tree(std::function<void(std::string)> done);
  [[nodiscard]] std::string status_json() const;

  node_options options_;
  runtime::metrics metrics_;
  feed::kite::frame_decoder decoder_;
  std::unique_ptr<bridge::bridge> journal_;
  bridge::local::open_report opened_;
  std::shared_ptr<bridge::local::trimmer> trimmer_;
  std::uint64_t identity_ = 0;  ///< of the journal
  std::unique_ptr<store::database> store_;
  calendar_set calendars_;
  std::unique_ptr<market_source> market_;
  std::shared_ptr<const plan_book> plans_;
  feature_setup features_;
  record::position features_after_;  ///< the last record that is not of this setup
  market::config_hashes hashes_;
  market::content_hash rules_hash_{};
  std::unique_ptr<store_role> stores_;
  std::shared_ptr<actors::alert_bell> bell_ = std::make_shared<actors::alert_bell>();
  std::unique_ptr<alert_role> alerts_;
  std::unique_ptr<runtime::worker> disk_;
  std::unique_ptr<runtime::worker> upkeep_thread_;
  std::unique_ptr<journal_upkeep> upkeep_;
  std::unique_ptr<store_upkeep> store_upkeep_;
  supervisors::tree_options tree_;
  std::optional<caf::actor_system_config> system_config_;
  std::unique_ptr<caf::actor_system> system_;
  messages::supervisor_actor root_;
  caf::actor watchman_;  ///< would end at once if nobody held it
  std::unique_ptr<gateway_role> gateway_;
  bool stopped_ = false;
};

}  // namespace artham::app

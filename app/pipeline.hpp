#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "supervisors/roles.hpp"

namespace artham::app {

/// The bar stage of the running program on its own, for replay and benchmarks: the same actors on
/// the same records, from one bridge into another.
class bar_pipeline {
 public:
  /// Roles that run beside the bars, made when metrics and directory exist.
  using more_roles =
      std::function<std::vector<messages::child_spec>(const supervisors::tree_options&)>;

  /// `config` without names, metrics and on_processed. A replay that crashes is wrong, not unlucky:
  /// by default it says so soon.
  bar_pipeline(std::size_t threads, actors::bar_reader_config config, const more_roles& more = {},
               supervisors::intensity intensity = {2, std::chrono::seconds(60)});
  ~bar_pipeline();
  bar_pipeline(const bar_pipeline&) = delete;
  bar_pipeline& operator=(const bar_pipeline&) = delete;

  /// Waits until everything up to `at` is in the derived streams; an error when the actors have
  /// given up. `on_progress` is told now and then how far they have come.
  result<void> wait_for(record::position at,
                        const std::function<void(record::position)>& on_progress = {});
  [[nodiscard]] record::position processed() const;
  /// errc::corrupt when bars of an instrument could not be built, or not without leaving out a
  /// record that nothing had recorded as such.
  [[nodiscard]] result<void> check_builders();
  /// Ticks that went into bars.
  [[nodiscard]] std::uint64_t ticks();
  [[nodiscard]] runtime::metrics& metrics() { return metrics_; }

 private:
  runtime::metrics metrics_;
  caf::actor_system_config system_config_;
  supervisors::tree_options tree_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  record::position processed_;
  std::optional<std::string> failed_;
  std::unique_ptr<caf::actor_system> system_;
  messages::supervisor_actor node_;
  caf::actor watchman_;  ///< would end at once if nobody held it
};

}  // namespace artham::app

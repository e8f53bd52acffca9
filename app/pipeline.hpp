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

/// One stage of the running program on its own, for replay, verify and benchmarks: the same actors
/// on the same records, from one bridge into another.
class stage_pipeline {
 public:
  using processed = std::function<void(record::position)>;
  /// The stage's role; its reader tells `processed` how far it has come.
  using make_role =
      std::function<messages::child_spec(const supervisors::tree_options&, const processed&)>;
  /// Roles that run beside it, made when metrics and directory exist.
  using more_roles =
      std::function<std::vector<messages::child_spec>(const supervisors::tree_options&)>;

  stage_pipeline(std::size_t threads, std::string what, const make_role& role,
                 const more_roles& more, supervisors::intensity intensity);
  ~stage_pipeline();
  stage_pipeline(const stage_pipeline&) = delete;
  stage_pipeline& operator=(const stage_pipeline&) = delete;

  /// Waits until everything up to `at` is in the derived streams; an error when the actors have
  /// given up. `on_progress` is told now and then how far they have come.
  result<void> wait_for(record::position at,
                        const std::function<void(record::position)>& on_progress = {});
  [[nodiscard]] runtime::metrics& metrics() { return metrics_; }

 private:
  std::string what_;  ///< who gave up, for the error
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

/// A replay that crashes is wrong, not unlucky: by default it says so soon.
inline constexpr supervisors::intensity replay_intensity{2, std::chrono::seconds(60)};

/// The bar stage.
class bar_pipeline : public stage_pipeline {
 public:
  /// `config` without names, metrics and on_processed.
  bar_pipeline(std::size_t threads, const actors::bar_reader_config& config,
               const more_roles& more = {}, supervisors::intensity intensity = replay_intensity);

  /// errc::corrupt when bars of an instrument could not be built, or not without leaving out a
  /// record that nothing had recorded as such.
  [[nodiscard]] result<void> check_builders();
  /// Ticks that went into bars.
  [[nodiscard]] std::uint64_t ticks();
};

/// The feature stage.
class feature_pipeline : public stage_pipeline {
 public:
  /// `config` without names, metrics and on_processed.
  feature_pipeline(std::size_t threads, const actors::feature_reader_config& config,
                   const more_roles& more = {},
                   supervisors::intensity intensity = replay_intensity);

  /// errc::corrupt when features of a group could not be made.
  [[nodiscard]] result<void> check_groups();
};

}  // namespace artham::app

#include "app/pipeline.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include "messages/caf_compat.hpp"
#include "messages/system.hpp"

namespace artham::app {

namespace {

constexpr std::chrono::seconds stop_limit{30};
constexpr std::chrono::milliseconds progress_interval{200};

/// Tells when the tree has ended by itself.
caf::behavior watchman(caf::event_based_actor* self, const caf::actor& node,
                       std::function<void(std::string)> ended) {
  messages::install_handlers(self, "artham.watchman");
  self->monitor(node);
  self->set_down_handler([self, ended = std::move(ended)](const caf::down_msg& m) {
    ended(messages::error_text(m.reason));
    self->quit();
  });
  return {[](caf::ok_atom) {}};
}

/// `config` with what the pipeline knows, as a tree.
template <class Config>
stage_pipeline::make_role role_of(const Config& config,
                                  messages::child_spec (*tree)(const supervisors::tree_options&,
                                                               Config)) {
  return [config, tree](const supervisors::tree_options& o, const stage_pipeline::processed& told) {
    auto c = config;
    c.names = o.directory;
    c.metrics = o.metrics;
    c.on_processed = told;
    return tree(o, std::move(c));
  };
}

}  // namespace

stage_pipeline::stage_pipeline(std::size_t threads, std::string what, const make_role& role,
                               const more_roles& more, supervisors::intensity intensity)
    : what_(std::move(what)), system_config_(messages::make_system_config(threads)) {
  tree_.directory = std::make_shared<messages::directory>();
  tree_.metrics = &metrics_;
  tree_.intensity = intensity;
  system_ = std::make_unique<caf::actor_system>(system_config_);
  std::vector<messages::child_spec> roles;
  roles.push_back(role(tree_, [this](record::position at) {
    const std::lock_guard lock(mutex_);
    processed_ = at;
    changed_.notify_all();
  }));
  if (more) {
    for (auto& r : more(tree_)) roles.push_back(std::move(r));
  }
  node_ = supervisors::spawn_node(*system_, tree_, std::move(roles));
  watchman_ = system_->spawn(watchman, caf::actor_cast<caf::actor>(node_), [this](std::string why) {
    const std::lock_guard lock(mutex_);
    failed_ = std::move(why);
    changed_.notify_all();
  });
}

stage_pipeline::~stage_pipeline() {
  static_cast<void>(
      supervisors::stop_and_wait(*system_, caf::actor_cast<caf::actor>(node_), stop_limit));
  node_ = nullptr;
  watchman_ = nullptr;
}

result<void> stage_pipeline::wait_for(record::position at,
                                      const std::function<void(record::position)>& on_progress) {
  std::unique_lock lock(mutex_);
  const auto over = [&] { return processed_ >= at || failed_; };
  while (on_progress && !changed_.wait_for(lock, progress_interval, over)) {
    const auto now = processed_;
    lock.unlock();
    on_progress(now);
    lock.lock();
  }
  changed_.wait(lock, over);
  if (processed_ >= at) return {};
  return fail(errc::corrupt, what_ + " gave up: " + *failed_);
}

bar_pipeline::bar_pipeline(std::size_t threads, const actors::bar_reader_config& config,
                           const more_roles& more, supervisors::intensity intensity)
    : stage_pipeline(threads, "the bar builders", role_of(config, supervisors::bars_tree), more,
                     intensity) {}

result<void> bar_pipeline::check_builders() {
  const auto made = [this](const char* what) {
    return metrics().counter(actors::quarantines_metric, "", {{"what", what}}).value();
  };
  const auto stopped = made("builder");
  const auto left_out = made("record");
  if (stopped == 0 && left_out == 0) return {};
  return fail(errc::corrupt, "the bars of " + std::to_string(stopped) +
                                 " instruments could not be built, and those of others not from " +
                                 std::to_string(left_out) + " of their records; see the log");
}

std::uint64_t bar_pipeline::ticks() {
  return metrics().counter("artham_bar_ticks_total", "").value();
}

feature_pipeline::feature_pipeline(std::size_t threads, const actors::feature_reader_config& config,
                                   const more_roles& more, supervisors::intensity intensity)
    : stage_pipeline(threads, "the feature actors", role_of(config, supervisors::features_tree),
                     more, intensity) {}

result<void> feature_pipeline::check_groups() {
  const auto failed = metrics().gauge(actors::feature_groups_failed_metric, "").value();
  if (failed == 0) return {};
  return fail(errc::corrupt, "the features of " + std::to_string(failed) +
                                 " groups could not be made; see the log");
}

}  // namespace artham::app

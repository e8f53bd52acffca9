#include "app/run.hpp"

#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

#include <spdlog/spdlog.h>

#include "app/environment.hpp"
#include "app/node.hpp"
#include "runtime/log.hpp"

namespace artham::app {

result<config::settings_sources> sources_of(const settings_options& o) {
  config::settings_sources sources;
  if (!o.config.empty()) {
    auto file = config::read_settings_file(o.config);
    if (!file) return tl::unexpected(file.error());
    sources.file = std::move(*file);
  }
  sources.environment = environment();
  sources.sets = o.sets;
  return sources;
}

result<config::settings> load(const settings_options& o) {
  const auto sources = sources_of(o);
  if (!sources) return tl::unexpected(sources.error());
  auto settings = config::load_settings(*sources);
  if (settings && !o.data.empty()) settings->data.dir = o.data;
  return settings;
}

int run(const run_options& options, signals& stop) {
  auto wanted = options.settings;
  if (!options.speed.empty()) wanted.sets.push_back("exchange.speed=" + options.speed);
  auto settings = load(wanted);
  if (!settings) return report(settings.error());
  runtime::set_log_level(settings->runtime.log_level);

  std::mutex mutex;
  std::string failure;
  node_options o;
  o.data = settings->data.dir;
  o.settings = std::move(*settings);
  if (!options.recording.empty()) o.recording = options.recording;
  o.on_failure = [&](std::string why) {
    const std::lock_guard lock(mutex);
    failure = std::move(why);
    stop.wake();
  };
  auto node = node::start(std::move(o));
  if (!node) return report(node.error());
  runtime::log().info("artham is running: {}", (*node)->url());
  std::printf("%s\n", (*node)->url().c_str());
  std::fflush(stdout);

  const int signal = stop.wait();
  if (signal != 0) runtime::log().info("stopping");
  (*node)->stop();
  const std::lock_guard lock(mutex);
  if (failure.empty()) return 0;
  return report({errc::unavailable, "gave up: " + failure});
}

}  // namespace artham::app

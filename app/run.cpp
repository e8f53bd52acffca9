#include "app/run.hpp"

#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

#include <spdlog/spdlog.h>

#include "app/cluster/cluster_node.hpp"
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

namespace {

std::string place_of(const node& n) {
  return n.url();
}
std::string place_of(const cluster::cluster_node& n) {
  return n.place();
}

/// Runs a kind of node until somebody stops it, or it gives up.
template <class Node>
int run_until_stopped(const run_options& options, const config::settings& settings, signals& stop) {
  std::mutex mutex;
  std::string failure;
  typename Node::start_options o;
  o.data = settings.data.dir;
  o.settings = settings;
  if (!options.recording.empty()) o.recording = options.recording;
  o.on_failure = [&](std::string why) {
    const std::lock_guard lock(mutex);
    failure = std::move(why);
    stop.wake();
  };
  auto started = Node::start(std::move(o));
  if (!started) return report(started.error());
  const auto place = place_of(**started);
  runtime::log().info("artham is running: {}", place);
  std::printf("%s\n", place.c_str());
  std::fflush(stdout);

  const int signal = stop.wait();
  if (signal != 0) runtime::log().info("stopping");
  (*started)->stop();
  const std::lock_guard lock(mutex);
  if (failure.empty()) return 0;
  return report({errc::unavailable, "gave up: " + failure});
}

}  // namespace

int run(const run_options& options, signals& stop) {
  auto wanted = options.settings;
  if (!options.speed.empty()) wanted.sets.push_back("exchange.speed=" + options.speed);
  if (!options.roles.empty()) {
    std::string all;
    for (const auto& r : options.roles) all += (all.empty() ? "" : ",") + r;
    wanted.sets.push_back("cluster.roles=" + all);
  }
  if (options.insecure_listen) wanted.sets.emplace_back("web.insecure_listen=true");
  auto settings = load(wanted);
  if (!settings) return report(settings.error());
  runtime::set_log_level(settings->runtime.log_level);

  const auto& redis = settings->bridge.redis.url;
  if (redis.empty() && !settings->cluster.roles.empty()) {
    return report({errc::usage,
                   "cluster.roles are of a node among several, which meet in Redis: set "
                   "bridge.redis.url, or leave the roles out"});
  }
  if (redis.empty() && settings->ingest.on_demand) {
    return report({errc::usage,
                   "ingest.on_demand is of a cluster, whose gateways tell what is wanted: set "
                   "bridge.redis.url, or leave it out"});
  }
  if (!redis.empty()) return run_until_stopped<cluster::cluster_node>(options, *settings, stop);
  return run_until_stopped<node>(options, *settings, stop);
}

}  // namespace artham::app

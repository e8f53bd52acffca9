#pragma once

#include <string>
#include <vector>

#include "app/signals.hpp"
#include "config/settings.hpp"

namespace artham::app {

/// What the commands that read settings have in common.
struct settings_options {
  std::string config;  ///< `--config`
  std::string data;    ///< `--data`
  std::vector<std::string> sets;
};
[[nodiscard]] result<config::settings> load(const settings_options& o);
[[nodiscard]] result<config::settings_sources> sources_of(const settings_options& o);

struct run_options {
  settings_options settings;
  std::string recording;
  std::vector<std::string> roles;  ///< of cluster.roles; none: as the settings say
  std::string speed;
  bool insecure_listen = false;
};

/// A node until it is told to stop; returns the exit code.
int run(const run_options& options, signals& stop);

}  // namespace artham::app

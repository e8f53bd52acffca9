#pragma once

#include <string>

#include "app/run.hpp"

namespace artham::app {

struct access_options {
  settings_options settings;
  std::string postgres;  ///< in the place of the settings' store
  bool json = false;
};

/// `artham key add|list|revoke`, `artham user add|list|remove`; also while a node runs, which knows
/// within a second. The exit code.
[[nodiscard]] int add_key(const access_options& o, const std::string& name,
                          const std::string& scopes);
[[nodiscard]] int list_keys(const access_options& o);
[[nodiscard]] int revoke_key(const access_options& o, const std::string& which);
[[nodiscard]] int add_user(const access_options& o, const std::string& name,
                           const std::string& scopes);
[[nodiscard]] int list_users(const access_options& o);
[[nodiscard]] int remove_user(const access_options& o, const std::string& name);

}  // namespace artham::app
